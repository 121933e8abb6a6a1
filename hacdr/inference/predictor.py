"""From a photograph to what is known of it, on whatever the weights run on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Sequence

import numpy as np

import hacdr
from hacdr.errors import InputError
from hacdr.files import file_sha256
from hacdr.images import check_size, open_photograph, read_header, read_photograph
from hacdr.inference.enlarging import enlarge
from hacdr.inference.onnx_network import OnnxNetwork
from hacdr.inference.prediction import (
    Prediction,
    choose_classes,
    thresholds_to_limits,
)
from hacdr.inference.published import find_weights
from hacdr.preprocess.resize import find_divisor
from hacdr.stack import check_stack

# Of a map's axes, those that each mirror image turns round.
MIRROR_IMAGES = (), (2,), (1,), (1, 2)


class Sample(NamedTuple):
    """A photograph on its way to the network.

    Attributes:
        photograph (np.ndarray): BGR, uint8, (H, W, 3).
        planes (np.ndarray | None): what the network takes, float32, (3, h, w); None
            where the config's own pipeline makes it.
        source (Path | np.ndarray): what it was read from.
        notes (Sequence[str]): what was scaled or assumed.
    """

    photograph: np.ndarray
    planes: np.ndarray | None
    source: Path | np.ndarray
    notes: Sequence[str] = ()


class Predictor:
    """Segments photographs.

    >>> from hacdr.apis import Predictor
    >>> predictor = Predictor(device='cpu')
    >>> prediction = predictor.predict('eye.jpg')
    >>> prediction.label.shape == prediction.photograph.shape[:2]
    True
    >>> hard_exudates = prediction.probabilities[prediction.classes.index('EX') - 1]
    >>> hard_exudates.shape == prediction.label.shape
    True
    >>> prediction.findings  # one entry a lesion
    []
    >>> [code for code, sentence in prediction.quality.warnings]
    ['no_field_of_view', 'grey', 'blurred']

    Args:
        weights (str | Path, optional): file, or name of published weights; by default
            the published ones.
        config (str, optional): config file the weights were trained with; needed where
            they carry none. Published weights and checkpoints of ``hacdr train`` do.
        device (str, optional): 'cpu' or 'cuda:0'; by default the GPU if there is one.
        thresholds (dict[str, float] | str | Path, optional): lesion -> probability from
            which on a pixel may have it, 'published' for those that came with the
            weights, or results_val.json of these weights; of several lesions the one
            furthest above its threshold, as a ratio. Without, a pixel has the most
            probable class.
        flips (bool): average the probabilities of the photograph and its mirror
            images; takes four times as long.
        options (dict, optional): changes to the config, dotted key -> value.

    Attributes:
        classes, palette: names and RGB colours of the label map's values.
        thresholds (dict[str, float] | None): those that are used.
        trained_diameter (float | None): of the field of view in the photographs of the
            training, in pixels, as the network saw them.
        device (str): 'cpu', 'cuda:0'.
        name (str): of the file of weights.
        made_by (dict): what tells these predictions from others', by content: plain
            values, no paths.

    Raises:
        InputError: weights, config, device or thresholds are bad or do not fit each
            other.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        config: str | None = None,
        device: str | None = None,
        thresholds: dict[str, float] | str | Path | None = None,
        flips: bool = False,
        options: dict | None = None,
    ) -> None:
        weights = find_weights(weights)
        self.network = _load_network(weights, config, device, options)
        self.classes = tuple(self.network.classes)
        self.palette = self.network.palette
        if thresholds == 'published':
            thresholds = self.network.thresholds
            if thresholds is None:
                raise InputError(
                    f'{weights}: no thresholds came with these weights; expected '
                    'weights of hacdr publish --thresholds'
                )
        elif isinstance(thresholds, (str, Path)):
            thresholds = _read_thresholds(str(thresholds), self.network.source_sha256)
        self.thresholds = thresholds
        self._limits = thresholds_to_limits(
            thresholds,  # type: ignore[arg-type]
            self.classes,
        )
        self.flips = flips or self.network.averages_flips
        if flips and self.network.preprocessing is None:
            self.network.require_flips()
        self.trained_diameter = self.network.trained_diameter
        self.device = self.network.device
        self.name = Path(weights).name
        self.made_by = dict(
            hacdr=hacdr.__version__,
            weights=file_sha256(weights),
            config=self.network.config_sha256,
            flips=self.flips,
            thresholds=thresholds,
        )

    def predict(self, image: str | Path | np.ndarray) -> Prediction:
        """Segment one photograph.

        Args:
            image (str | Path | np.ndarray): its file, or BGR, uint8, (H, W, 3). Of a
                JPEG file the network sees what the decoder reduces, as in training;
                of an array what averaging does: a few pixels of a label map differ.

        Returns:
            Prediction: label map, probabilities and what else is known.

        Raises:
            InputError: it cannot be read, or thresholds meet a network that predicts
                classes alone.
        """
        sample = self.read(image)
        return self.finish(sample, self.compute(sample))

    def read(self, image: str | Path | np.ndarray) -> Sample:
        """Read a photograph and prepare it: the first step of :meth:`predict`.

        A thread can do it ahead.

        Returns:
            Sample: for :meth:`compute`.
        """
        steps = self.network.preprocessing
        if isinstance(image, np.ndarray):
            if image.dtype != np.uint8 or image.shape[2:] != (3,) or not image.size:
                raise InputError(
                    f'photograph: {image.dtype} of shape {image.shape}, expected uint8 '
                    '(height, width, 3), BGR'
                )
            photograph, notes = image, []
        else:
            image = Path(image)
            photograph, notes = open_photograph(image)
        if steps is None:
            is_file = not isinstance(image, np.ndarray)
            if is_file and (notes or read_header(image).format != 'JPEG'):
                # A pipeline's own loader would not do what the notes say, nor read
                # every format.
                image = photograph
            return Sample(photograph, None, image, notes)
        full = photograph.shape[1::-1]
        size = steps.network_size(full)
        where = 'photograph' if isinstance(image, np.ndarray) else image
        check_size(size, f'{where}, resized for the network')
        seen = photograph
        if steps.reduced and not isinstance(image, np.ndarray):
            divisor = find_divisor(full, size)
            if divisor > 1 and read_header(image).format == 'JPEG':
                seen = read_photograph(image, divisor)
        return Sample(photograph, steps.apply(seen, size), image, notes)

    def compute(self, sample: Sample) -> Any:
        """Run the network: the second step of :meth:`predict`.

        Args:
            sample (Sample): as :meth:`read` returns it.

        Raises:
            InputError: the network computes what is no number.

        Returns:
            what :meth:`finish` takes, of a fraction of a :class:`Prediction`'s size
            where the network sees a smaller copy of the photograph.
        """
        if sample.planes is None:
            return self._require_finite(self.network.segment(sample.source))
        mirrors = MIRROR_IMAGES if self.flips else MIRROR_IMAGES[:1]
        return [self._logits(sample.planes, axes) for axes in mirrors]

    def finish(self, sample: Sample, computed: Any) -> Prediction:
        """Bring it to the photograph's size: the last step of :meth:`predict`.

        A thread can do it while the network computes the next.

        Args:
            sample (Sample): as :meth:`read` returns it.
            computed: what :meth:`compute` returns for it.

        Returns:
            Prediction: as :meth:`predict`.

        Raises:
            InputError: thresholds meet a network that predicts classes alone.
        """
        if sample.planes is not None:
            size = sample.photograph.shape[:2]
            label, probabilities = enlarge(computed, size, self._limits)
        elif computed.ndim == 3:
            label = choose_classes(computed, self._limits)
            probabilities = computed[1:].astype(np.float16)
        elif self._limits is not None:
            raise InputError(
                "thresholds need probabilities, test_cfg.output='prob'; got classes"
            )
        else:
            label, probabilities = computed.astype(np.uint8), None
        return Prediction(
            sample.photograph,
            label,
            probabilities,
            self.classes,
            self.palette,
            sample.notes,
            self.trained_diameter,
        )

    def _logits(self, planes, axes):
        """Return the logits of a mirror image, turned back."""
        if not axes:
            return self._require_finite(self.network.logits(planes))
        mirrored = np.ascontiguousarray(np.flip(planes, axes))
        logits = self._require_finite(self.network.logits(mirrored))
        return np.ascontiguousarray(np.flip(logits, axes))

    def _require_finite(self, computed):
        # Of what is no number a label map would show a healthy eye.
        if not np.isfinite(computed).all():
            raise InputError(
                f'{self.name}: the network computes what is not a finite number, '
                'expected weights of a training that did not diverge'
            )
        return computed


def _read_thresholds(path, source_sha256):
    # It brings the evaluation, which nothing else here needs.
    from hacdr.inference.thresholds import read_thresholds

    return read_thresholds(path, source_sha256)


def _load_network(weights, config, device, options):
    if not weights.endswith('.onnx'):
        check_stack()
        from hacdr.inference.torch_network import TorchNetwork

        return TorchNetwork(weights, config, device, options)
    if config or options:
        raise InputError(
            f'{weights}: is exported, no config nor options of one can change it'
        )
    return OnnxNetwork(weights, device)
