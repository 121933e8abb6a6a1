"""Optimizers with few groups of parameters."""

from mmcv.runner.optimizer import OPTIMIZER_BUILDERS, DefaultOptimizerConstructor


@OPTIMIZER_BUILDERS.register_module()
class GroupedOptimizerConstructor(DefaultOptimizerConstructor):
    """mmcv's default constructor, with equal groups of parameters joined.

    With ``paramwise_cfg``, mmcv makes a group of every parameter. Optimizers of torch
    update the parameters of a group together, but groups one after the other: this
    network has 713 of them, joined four. The arithmetic is the same. A training that
    began with the other constructor cannot be resumed with this one, nor the reverse.

    Arguments as mmcv's: ``optimizer=dict(type='AdamW', ...,
    constructor='GroupedOptimizerConstructor')``. ``fused=True`` is left out for weights
    on a CPU, where torch before 2.4 refuses it.
    """

    def __call__(self, model):
        """Return the optimizer of a model."""
        if not next(model.parameters()).is_cuda:
            self.optimizer_cfg.pop('fused', None)
        return super().__call__(model)

    def add_params(self, params, module, **kwargs):
        """Add the parameters of a module to ``params``, then join equal groups."""
        super().add_params(params, module, **kwargs)
        # It calls itself for the children; the outermost call has no prefix.
        if not kwargs.get('prefix'):
            params[:] = _join(params)


def _join(groups):
    joined = {}
    for group in groups:
        settings = {key: value for key, value in group.items() if key != 'params'}
        key = tuple(sorted(settings.items()))
        joined.setdefault(key, {'params': [], **settings})['params'] += group['params']
    return list(joined.values())
