"""mmseg's encoder-decoder, with probabilities for the metrics that need them."""

import torch
import torch.nn.functional as F
from mmcv import ConfigDict
from mmseg.models.builder import SEGMENTORS
from mmseg.models.segmentors import EncoderDecoder


@SEGMENTORS.register_module()
class LesionEncoderDecoder(EncoderDecoder):
    """mmseg's EncoderDecoder that returns probabilities.

    Average precision needs the scores of all classes, where mmseg returns the class
    alone. ``test_cfg=dict(mode='whole', output='prob')``, the default, returns for
    each photograph float32 (num_classes, H, W) at the photograph's own size;
    ``output='label'`` returns mmseg's label maps (H, W). ``bfloat16=True`` computes
    network and logits in bfloat16 where torch.autocast does; coordinates of samples
    and everything from the logits on stay in float32.

    Raises:
        ValueError: another output.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.test_cfg is None:
            self.test_cfg = ConfigDict(mode='whole')
        self.output = self.test_cfg.get('output', 'prob')
        if self.output not in ('prob', 'label'):
            raise ValueError(
                f"test_cfg.output must be 'prob' or 'label', got {self.output!r}"
            )

    def encode_decode(self, img, img_metas):
        """Return the logits of ``img``, (B, num_classes, H, W), float32."""
        low = self.test_cfg.get('bfloat16', False) and not self.training
        height, width = img.shape[2:]
        divisor = self.test_cfg.get('size_divisor', 1)
        img = F.pad(img, (0, -width % divisor, 0, -height % divisor))
        with torch.autocast(img.device.type, torch.bfloat16, enabled=low):
            logits = super().encode_decode(img, img_metas)
        return logits[:, :, :height, :width]

    def _decode_head_forward_test(self, x, img_metas):
        # Bilinear interpolation of bfloat16 logits would round them once more.
        return super()._decode_head_forward_test(x, img_metas).float()

    def inference(self, img, img_meta, rescale):
        """Return probabilities, (B, num_classes, H, W); see mmseg.

        Photographs cropped by ``FundusCrop`` are put back in their place; outside of
        the field of view all is background.
        """
        if self.test_cfg.get('flips', False):
            probabilities = self._mean_of_mirror_images(img, img_meta, rescale)
        else:
            probabilities = super().inference(img, img_meta, rescale)
        box = img_meta[0].get('fundus_box')
        if box is None or not rescale:
            return probabilities
        top, left, height, width = box
        whole = probabilities.new_zeros(*probabilities.shape[:2], height, width)
        whole[:, 0] = 1
        rows, columns = probabilities.shape[2:]
        whole[:, :, top : top + rows, left : left + columns] = probabilities
        return whole

    def _mean_of_mirror_images(self, img, img_meta, rescale):
        if any(meta['pad_shape'] != meta['img_shape'] for meta in img_meta):
            raise ValueError(
                'test_cfg.flips: padding would change sides; use test_cfg.size_divisor '
                'in place of the Pad step'
            )
        total = 0
        for axes in ((), (3,), (2,), (2, 3)):
            probabilities = super().inference(img.flip(axes), img_meta, rescale)
            total += probabilities.flip(axes)
        return total / 4

    def simple_test(self, img, img_meta, rescale=True):
        """Predict a batch of one size; see mmseg."""
        return self._result(self.inference(img, img_meta, rescale))

    def aug_test(self, imgs, img_metas, rescale=True):
        """Predict one photograph from several versions, probabilities averaged."""
        if not rescale:
            raise ValueError('aug_test needs rescale=True: the versions differ in size')
        total = self.inference(imgs[0], img_metas[0], rescale)
        for img, img_meta in zip(imgs[1:], img_metas[1:]):
            total += self.inference(img, img_meta, rescale)
        return self._result(total / len(imgs))

    def _result(self, probabilities):
        if self.output == 'label':
            return list(probabilities.argmax(1).cpu().numpy())
        return list(probabilities.float().cpu().numpy())

    def show_result(self, img, result, *args, **kwargs):
        """Paint a prediction on a photograph, arguments as in mmseg."""
        if result[0].ndim == 3:
            result = [result[0].argmax(0)]
        elif getattr(result, 'ndim', 0) == 3:
            result = [result.argmax(0)]
        return super().show_result(img, result, *args, **kwargs)
