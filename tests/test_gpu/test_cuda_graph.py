"""A training with CUDA graphs is the training without them."""

from copy import deepcopy

import pytest
import torch

from ..test_devices import tiny_network as tiny

GRAPH = {'model.train_cfg.cuda_graph': True}


@pytest.fixture
def exact():
    """Kernels that give the same bits each time, and no TF32."""
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.allow_tf32
    cudnn.deterministic, cudnn.allow_tf32 = True, False
    yield
    cudnn.deterministic, cudnn.allow_tf32 = before


def take_steps(folder, precision, options, steps=4):
    """Return losses and the model after some steps of SGD."""
    cfg = tiny.configure(folder, precision, **options)
    model = tiny.build(cfg, folder, 'cuda').train()
    data = tiny.batch(cfg, 'cuda')
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    torch.manual_seed(0)
    losses = []
    for step in range(steps):
        # Another photograph each time, so that a graph that kept the first is found.
        batch = dict(data, img=data['img'].roll(step, 0) + 0.1 * step)
        optimizer.zero_grad()
        loss = model._parse_losses(model(**batch))[0]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, model


@pytest.mark.gpu
@pytest.mark.parametrize('precision', ['float32', 'bfloat16', 'fp16'])
def test_steps_are_those_without_graphs(folder, precision, exact):
    expected, plain = take_steps(folder, precision, {})
    losses, recorded = take_steps(folder, precision, GRAPH)
    tolerance = 1e-4 if precision == 'float32' else 2e-2
    assert losses == pytest.approx(expected, rel=tolerance)
    assert len(set(losses)) == len(losses)
    state = recorded.state_dict()
    assert state.keys() == plain.state_dict().keys()
    for name, tensor in plain.state_dict().items():
        # Recording runs the network some times, which must not be counted.
        if 'num_batches_tracked' in name:
            assert torch.equal(state[name], tensor), name
        elif 'running' in name:
            assert torch.allclose(state[name], tensor, rtol=0.05, atol=0.02), name


@pytest.mark.gpu
def test_a_batch_may_come_again(folder, exact):
    cfg = tiny.configure(folder, 'float32', **GRAPH)
    model = tiny.build(cfg, folder, 'cuda').train()
    data = tiny.batch(cfg, 'cuda')
    other = dict(data, img=data['img'] + 1)
    before = data['img'].clone()
    first, _, again = (
        model._parse_losses(model(**batch))[0].item() for batch in (data, other, data)
    )
    assert torch.equal(data['img'], before)
    assert again == pytest.approx(first, rel=1e-4)


@pytest.mark.gpu
def test_losses_in_evaluation_mode_are_those_without_graphs(folder, exact):
    losses = []
    for options in ({}, GRAPH):
        cfg = tiny.configure(folder, 'float32', **options)
        model = tiny.build(cfg, folder, 'cuda').train()
        data = tiny.batch(cfg, 'cuda')
        model(**data)
        with torch.no_grad():
            losses.append(model._parse_losses(model.eval()(**data))[0].item())
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.gpu
def test_another_size_runs_without_a_graph(folder, exact):
    cfg = tiny.configure(folder, 'float32', **GRAPH)
    model = tiny.build(cfg, folder, 'cuda').train()
    data = tiny.batch(cfg, 'cuda')
    model(**data)
    one = {name: value[:1] for name, value in data.items()}
    plain = tiny.build(tiny.configure(folder, 'float32'), folder, 'cuda').train()
    plain(**data)
    expected = model._parse_losses(plain(**one))[0]
    assert model._parse_losses(model(**one))[0].item() == pytest.approx(
        expected.item(), rel=1e-4
    )


@pytest.mark.gpu
def test_exchanged_weights_are_used(folder):
    """As averages take the weights' place for an evaluation."""
    cfg = tiny.configure(folder, 'float32', **GRAPH)
    model = tiny.build(cfg, folder, 'cuda').train()
    data = tiny.batch(cfg, 'cuda')
    first = model._parse_losses(model(**data))[0].item()
    own = [parameter.data for parameter in model.parameters()]
    for parameter in model.parameters():
        parameter.data = torch.zeros_like(parameter)
    other = model._parse_losses(model(**data))[0].item()
    for parameter, values in zip(model.parameters(), own):
        parameter.data = values
    assert abs(other - first) > 1e-3
    again = model._parse_losses(model(**data))[0].item()
    assert again == pytest.approx(first, rel=0.05)


@pytest.mark.gpu
@pytest.mark.parametrize('at_once', [False, True])
def test_gradients_that_would_be_added_up_are_refused(folder, at_once):
    cfg = tiny.configure(folder, 'float32', **GRAPH)
    model = tiny.build(cfg, folder, 'cuda').train()
    data = tiny.batch(cfg, 'cuda')
    first = model._parse_losses(model(**data))[0]
    if not at_once:
        first.backward()
        first = first.detach()
    loss = first + model._parse_losses(model(**data))[0]
    with pytest.raises(RuntimeError, match='zero_grad'):
        loss.backward()


@pytest.mark.gpu
def test_a_copy_has_a_graph_of_its_own(folder):
    cfg = tiny.configure(folder, 'float32', **GRAPH)
    model = tiny.build(cfg, folder, 'cuda').train()
    data = tiny.batch(cfg, 'cuda')
    model(**data)
    copy = deepcopy(model)
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.zero_()
    first, second = (m._parse_losses(m(**data))[0].item() for m in (model, copy))
    assert first != second


@pytest.mark.gpu
@pytest.mark.parametrize('precision', ['bfloat16', 'fp16'])
def test_a_training_evaluates_and_resumes(folder, precision, tmp_path):
    tiny.train(tiny.configure(folder, precision, **GRAPH), tmp_path, 'cuda')
    options = {'runner.max_iters': 4, 'resume_from': str(tmp_path / 'iter_2.pth')}
    cfg = tiny.configure(folder, precision, **GRAPH, **options)
    runner = tiny.train(cfg, tmp_path, 'cuda')
    assert len(runner.seen['losses']) == 2
    assert all(loss.isfinite() for loss in runner.seen['losses'])
    (figures,) = runner.seen['figures']
    assert 0 <= figures['mAUPR'] <= 1
