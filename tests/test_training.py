"""Training is a pure function of the recipe, and each method's iteration is the plain PyTorch one."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import elu, leaky_relu, normalize, softplus

from toygan import routes
from toygan.distributions import DISTRIBUTIONS
from toygan.draws import DrawSource
from toygan.methods import METHODS
from toygan.recipe import Recipe
from toygan.state import State, Trace
from toygan.training import EXPLODED, advance, advance_to_failure, choose_device, initial_state

Layers = list[tuple[Tensor, Tensor]]

SMALL = {"generator_width": 8, "generator_depth": 2, "critic_width": 8, "critic_depth": 2, "batch": 16}


def small(method: str = "wgan-gp", **fields: Any) -> Recipe:
    return Recipe.from_json({**SMALL, "method": method, **fields})


def run(recipe: Recipe, *chunks: int, seeds: list[int] | None = None, dtype: type = np.float32) -> State:
    state = initial_state(recipe, seeds, dtype)
    for steps in chunks:
        state, _ = advance(recipe, state, steps)
    return state


def arrays(state: State) -> dict[str, np.ndarray]:
    values = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    return {name: np.asarray(value) for name, value in values.items()}


def assert_same_bytes(one: State, other: State) -> None:
    for name, value in arrays(one).items():
        assert value.tobytes() == arrays(other)[name].tobytes(), name


# ---- an independent implementation: one lane, a list of layers, torch.optim, and double backward

mean = Tensor.mean

#: method -> critic's and generator's loss of real logits r and fake logits f.
LOSSES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "non-saturating": (lambda r, f: mean(softplus(-r) + softplus(f)), lambda r, f: mean(softplus(-f))),
    "minimax": (lambda r, f: mean(softplus(-r) + softplus(f)), lambda r, f: -mean(softplus(f))),
    "wgan": (lambda r, f: mean(f) - mean(r), lambda r, f: -mean(f)),
    "r3gan": (lambda r, f: mean(softplus(-(r - f))), lambda r, f: mean(softplus(-(f - r)))),
    "hinge": (lambda r, f: mean(torch.relu(1 - r)) + mean(torch.relu(1 + f)), lambda r, f: -mean(f)),
    "least-squares": (lambda r, f: mean((r - 1) ** 2 + f**2) / 2, lambda r, f: mean((f - 1) ** 2) / 2),
}
LOSSES["wgan-gp"] = LOSSES["wgan-lp"] = LOSSES["wgan-max-gp"] = LOSSES["wgan"]
LOSSES["dragan"] = LOSSES["r1"] = LOSSES["non-saturating"]
LOSSES["sngan"] = LOSSES["hinge"]

Penalty = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def between(x: Tensor, fake: Tensor, eps: Tensor | None) -> Tensor:
    assert eps is not None
    return eps * x + (1 - eps) * fake


def around(x: Tensor, fake: Tensor, noise: Tensor | None) -> Tensor:
    assert noise is not None
    return x + 0.5 * x.std() * noise


#: method -> [(points looked at, penalty of the squared gradient norms there), ...].
PENALTIES: dict[str, list[tuple[Penalty, Callable[[Tensor], Tensor]]]] = {
    "wgan-gp": [(between, lambda squares: mean((squares.sqrt() - 1) ** 2))],
    "wgan-lp": [(between, lambda squares: mean(torch.relu(squares.sqrt() - 1) ** 2))],
    "wgan-max-gp": [(between, lambda squares: squares.max())],
    "dragan": [(around, lambda squares: mean((squares.sqrt() - 1) ** 2))],
    "r1": [(lambda x, fake, noise: x, mean)],
    "r3gan": [(lambda x, fake, noise: x, mean), (lambda x, fake, noise: fake, mean)],
}
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky-relu": lambda x: leaky_relu(x, 0.2),
    "tanh": torch.tanh,
    "elu": elu,
}


def unflatten(flat: np.ndarray, widths: list[int]) -> Layers:
    layers, at = [], 0
    for a, b in itertools.pairwise(widths):
        matrix = torch.tensor(flat[at : at + a * b].reshape(a, b)).requires_grad_()
        bias = torch.tensor(flat[at + a * b : at + (a + 1) * b]).requires_grad_()
        layers.append((matrix, bias))
        at += (a + 1) * b
    assert at == len(flat)
    return layers


def flatten(layers: Layers) -> np.ndarray:
    return np.concatenate([piece.detach().numpy().ravel() for layer in layers for piece in layer])


def network(layers: Layers, points: Tensor, activation: str) -> Tensor:
    for number, (matrix, bias) in enumerate(layers):
        points = points @ matrix + bias
        if number < len(layers) - 1:
            points = ACTIVATIONS[activation](points)
    return points


class Plain:
    """One run, one lane, as a public script would write it, fed the numbers that toygan draws."""

    def __init__(self, recipe: Recipe, state: State) -> None:
        self.recipe, self.method = recipe, recipe.method
        hidden = [recipe.critic_width] * recipe.critic_depth
        self.critic = unflatten(state.critic[0], [2, *hidden, 1])
        hidden = [recipe.generator_width] * recipe.generator_depth
        self.generator = unflatten(state.generator[0], [recipe.latent, *hidden, 2])
        self.average = flatten(self.generator)
        sizes = [matrix.shape[1] for matrix, _ in self.critic]
        self.vectors = list(torch.tensor(state.vectors[0]).split(sizes))
        self.draws = DrawSource([recipe.seed], torch.float64, torch.device("cpu"))
        self.critic_optimizer = self.optimizer(self.critic, recipe.critic_learning_rate)
        self.generator_optimizer = self.optimizer(self.generator, recipe.generator_learning_rate)
        self.losses: list[tuple[float, float, float]] = []

    def optimizer(self, layers: Layers, rate: float) -> torch.optim.Optimizer:
        weights, recipe = [piece for layer in layers for piece in layer], self.recipe
        if recipe.optimizer == "adam":
            return torch.optim.Adam(weights, rate, (recipe.beta1, recipe.beta2))
        if recipe.optimizer == "rmsprop":
            return torch.optim.RMSprop(weights, rate, alpha=recipe.beta2)
        return torch.optim.SGD(weights, rate, momentum=recipe.beta1)

    def values(self, points: Tensor) -> Tensor:
        layers = self.critic
        if self.method == "sngan":
            layers = []
            for (matrix, bias), u in zip(self.critic, self.vectors, strict=True):
                v = normalize((matrix @ u).detach(), dim=0)
                layers.append((matrix / (v @ matrix @ u), bias))
        return network(layers, points, self.recipe.activation)[:, 0]

    def update(self, optimizer: torch.optim.Optimizer, loss: Tensor, rate: float, step: int) -> None:
        recipe = self.recipe
        (group,) = optimizer.param_groups
        group["lr"] = rate * 0.5 ** (step / recipe.decay) if recipe.decay else rate
        optimizer.zero_grad()
        gradients = torch.autograd.grad(loss, group["params"])
        norm = torch.cat([gradient.ravel() for gradient in gradients]).norm()
        clipped = recipe.gradient_clip and norm > recipe.gradient_clip
        for weight, gradient in zip(group["params"], gradients, strict=True):
            weight.grad = gradient * recipe.gradient_clip / norm if clipped else gradient
        optimizer.step()

    def iterate(self, step: int) -> None:
        recipe, (critic_loss, generator_loss) = self.recipe, LOSSES[self.method]
        draws = self.draws.at(recipe, self.method == "r3gan", step)
        std = recipe.instance_noise * max(0.0, 1 - step / recipe.instance_noise_steps)
        latents, activation = draws.latents[0], recipe.activation

        def noise(update: int, which: int) -> Tensor | float:
            return 0.0 if draws.noise is None else std * draws.noise[0, update, which]

        for update in range(recipe.critic_steps):
            real = draws.data[0, update] + noise(update, 0)
            fake = network(self.generator, latents[update], activation).detach() + noise(update, 1)
            penalty = torch.zeros((), dtype=torch.float64)
            for (place, target), drawn in zip(PENALTIES.get(self.method, []), draws.penalties, strict=True):
                points = place(real, fake, None if drawn is None else drawn[0, update]).requires_grad_()
                (slopes,) = torch.autograd.grad(self.values(points).sum(), points, create_graph=True)
                penalty = penalty + recipe.penalty_weight * target(slopes.square().sum(dim=1))
            loss = critic_loss(self.values(real), self.values(fake)) + penalty
            self.update(self.critic_optimizer, loss, recipe.critic_learning_rate, step)
            with torch.no_grad():
                if self.method == "wgan":
                    for piece in (piece for layer in self.critic for piece in layer):
                        piece.clamp_(-recipe.clip, recipe.clip)
                for number, (matrix, _) in enumerate(self.critic):
                    if self.method == "sngan":
                        u = matrix.T @ (matrix @ self.vectors[number])
                        self.vectors[number] = normalize(u, dim=0)
        fake = network(self.generator, latents[-1], activation) + noise(-1, 1)
        real_logits = torch.zeros(0)
        if draws.paired is not None:
            real_logits = self.values(draws.paired[0] + noise(-1, 0))
        objective = generator_loss(real_logits, self.values(fake))
        self.update(self.generator_optimizer, objective, recipe.generator_learning_rate, step)
        kept = min(recipe.ema, (1 + step) / (10 + step))
        self.average = kept * self.average + (1 - kept) * flatten(self.generator)
        self.losses.append((loss.item(), penalty.item(), objective.item()))


def assert_equals_plain(recipe: Recipe, steps: int) -> None:
    before = initial_state(recipe, dtype=np.float64)
    plain = Plain(recipe, before)
    for step in range(steps):
        plain.iterate(step)
    after, trace = advance(recipe, before, steps)
    losses = np.column_stack([trace.critic_loss, trace.penalty, trace.generator_loss])
    np.testing.assert_allclose(losses, plain.losses, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(after.critic[0], flatten(plain.critic), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(after.generator[0], flatten(plain.generator), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(after.average[0], plain.average, rtol=1e-9, atol=1e-9)
    if recipe.method == "sngan":
        np.testing.assert_allclose(after.vectors[0], torch.cat(plain.vectors), rtol=1e-9, atol=1e-9)
    moved = np.abs(after.generator - before.generator).max()
    assert moved > 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_three_iterations_equal_a_plain_script_s(method: str) -> None:
    recipe = Recipe(method=method, batch=32, generator_width=16, critic_width=16, seed=5)
    assert_equals_plain(recipe, 3)


@pytest.mark.parametrize(
    "recipe",
    [
        small("wgan", clip=0.01, critic_steps=5, critic_learning_rate=5e-5),
        small("wgan-gp", activation="tanh", penalty_weight=10),
        small("wgan-gp", activation="leaky-relu", critic_steps=2, optimizer="sgd", beta1=0.9),
        small("r1", activation="elu", penalty_weight=3.0),
        small("dragan", activation="tanh", penalty_weight=10, data="swiss-roll"),
        small("r3gan", instance_noise=0.3, instance_noise_steps=2, latent_law="uniform"),
        small("r3gan", activation="elu", latent=5, data="grid25"),
        small("non-saturating", gradient_clip=0.05, optimizer="sgd", decay=2),
        small("hinge", gradient_clip=1e-3, ema=0.7, decay=1.5),
        small("wgan-max-gp", penalty_weight=2.0, instance_noise=0.5, instance_noise_steps=10),
        small("sngan", critic_steps=3, optimizer="rmsprop", beta2=0.99),
        small("least-squares", generator_depth=0, critic_depth=1, latent=1),
        small("r1", critic_depth=0, generator_learning_rate=0.1),
    ],
    ids=lambda recipe: "-".join(f"{name}={value}" for name, value in recipe.to_query().items()),
)
def test_iterations_with_every_other_knob_equal_a_plain_script_s(recipe: Recipe) -> None:
    assert_equals_plain(recipe, 4)


# ---- pure function of recipe, seed and step


@functools.cache
def straight(recipe: Recipe) -> State:
    """Twelve steps at once."""
    return run(recipe, 12)


EVENTFUL = [
    small("wgan-gp"),
    small("sngan", critic_steps=2),
    small("r3gan", instance_noise=0.2, instance_noise_steps=9, ema=0.9, decay=5),
    small(
        "dragan",
        gradient_clip=0.5,
        interventions=((3, {"method": "wgan-gp"}), (7, {"optimizer": "sgd"}), (8, {"batch": 24})),
    ),
]
every_event = pytest.mark.parametrize("recipe", EVENTFUL, ids=lambda recipe: recipe.method)


@every_event
def test_the_same_recipe_gives_the_same_bytes(recipe: Recipe) -> None:
    assert_same_bytes(straight(recipe), run(Recipe.from_json(recipe.to_json()), 12))


@every_event
@pytest.mark.parametrize("chunks", [(7, 5), (1,) * 12, (8, 4), (3, 4, 1, 4), (0, 12, 0)], ids=str)
def test_chunks_of_any_length_give_the_bytes_of_one(recipe: Recipe, chunks: tuple[int, ...]) -> None:
    assert_same_bytes(run(recipe, *chunks), straight(recipe))


def test_what_steps_report_does_not_depend_on_the_chunks() -> None:
    recipe = small("wgan-gp")
    start = initial_state(recipe)
    _, whole = advance(recipe, start, 12)
    middle, first = advance(recipe, start, 7)
    _, second = advance(recipe, middle, 5)
    for field in dataclasses.fields(Trace):
        parts = [getattr(first, field.name), getattr(second, field.name)]
        assert np.concatenate(parts).tobytes() == getattr(whole, field.name).tobytes()


def test_a_state_that_was_pickled_goes_on_as_if_it_had_not_been() -> None:
    recipe = small("wgan-gp", ema=0.5)
    there_and_back = pickle.loads(pickle.dumps(run(recipe, 5)))
    assert_same_bytes(advance(recipe, there_and_back, 4)[0], run(recipe, 9))


def test_advance_leaves_the_state_it_is_given_as_it_was() -> None:
    recipe = small("sngan")
    state = run(recipe, 3)
    copy = pickle.loads(pickle.dumps(state))
    advance(recipe, state, 5)
    assert_same_bytes(state, copy)


def test_other_seeds_give_other_networks_and_other_runs() -> None:
    one, two = (initial_state(small(seed=seed)) for seed in (0, 1))
    assert not np.isin(one.critic[one.critic != 0], two.critic).any()
    assert not np.isin(one.generator[one.generator != 0], two.generator).any()


def test_critic_and_generator_do_not_start_from_the_same_numbers() -> None:
    state = initial_state(small(latent=2))
    assert not np.isin(state.critic[state.critic != 0], state.generator).any()


def test_all_methods_start_from_the_same_networks_when_seed_and_shape_are_the_same() -> None:
    first = initial_state(small("wgan-gp", seed=3))
    for method in METHODS:
        state = initial_state(small(method, seed=3))
        assert state.critic.tobytes() == first.critic.tobytes()
        assert state.generator.tobytes() == first.generator.tobytes()


def test_step_counts_generator_steps_and_the_trace_has_one_row_each() -> None:
    recipe = small("wgan-gp", critic_steps=3)
    state, trace = advance(recipe, run(recipe, 2, seeds=[0, 1]), 4)
    assert state.step == 6
    assert state.critic_updates == 18 and state.generator_updates == 6
    assert trace.critic_loss.shape == trace.penalty.shape == trace.generator_loss.shape == (4, 2)


# ---- lanes


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"gradient_clip": 0.7, "instance_noise": 0.1, "ema": 0.5},
        {"optimizer": "rmsprop", "activation": "leaky-relu"},
        {"optimizer": "sgd", "batch": 13},
        {"activation": "elu"},
        {"interventions": ((2, (("method", "sngan"),)),)},
        {"generator": "line", "data": "segment"},
        {"generator": "frozen"},
    ],
    ids=lambda fields: "-".join(fields) or "plain",
)
def test_a_lane_beside_others_has_the_bytes_of_the_run_alone(method: str, fields: dict[str, Any]) -> None:
    recipe = small(method, **fields)
    together, traces = advance(recipe, initial_state(recipe, [3, 8, 21]), 5)
    for lane, seed in enumerate((3, 8, 21)):
        alone, trace = advance(recipe, initial_state(recipe, [seed]), 5)
        assert_same_bytes(together.lane(lane), alone)
        for name in ("critic_loss", "penalty", "generator_loss"):
            np.testing.assert_allclose(getattr(traces, name)[:, lane], getattr(trace, name)[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("route", ["default", ""])
def test_a_lane_beside_others_has_the_bytes_of_the_run_alone_by_any_library(
    route: str, monkeypatch: pytest.MonkeyPatch, routes_afresh: None
) -> None:
    monkeypatch.setenv("TOYGAN_ROUTE", route)
    # The second one's large products go by oneDNN where it is there, two lanes at a time.
    for recipe in (Recipe(method="dragan"), Recipe(batch=60, critic_width=256, generator_width=256, critic_steps=1)):
        together = run(recipe, 10, seeds=[3, 8, 21])
        for lane, seed in enumerate((3, 8, 21)):
            assert_same_bytes(together.lane(lane), run(recipe, 10, seeds=[seed]))


@pytest.mark.parametrize("method", METHODS)
def test_a_lane_of_nans_leaves_its_neighbours_bit_for_bit(method: str) -> None:
    recipe = small(method, gradient_clip=0.5, ema=0.9)
    clean = initial_state(recipe, [0, 1, 2])
    poisoned = initial_state(recipe, [0, 1, 2])
    poisoned.generator[1] = np.nan
    poisoned.critic[1, ::3] = np.nan
    (after, trace), (broken, broken_trace) = (advance(recipe, state, 4) for state in (clean, poisoned))
    others = [0, 2]
    for name in ("critic", "generator", "average", "vectors", "failed_at"):
        assert getattr(after, name)[others].tobytes() == getattr(broken, name)[others].tobytes(), name
    assert trace.critic_loss[:, others].tobytes() == broken_trace.critic_loss[:, others].tobytes()
    assert broken.failed_at.tolist() == [-1, 1, -1]


@pytest.mark.parametrize("method", ["wgan-gp", "sngan"])
def test_chunks_give_the_bytes_of_one_at_the_default_size_too(method: str) -> None:
    recipe = Recipe(method=method, critic_steps=2)
    assert_same_bytes(run(recipe, 3), run(recipe, 1, 2))


def test_small_lanes_are_stacked_in_groups_and_come_back_in_their_order() -> None:
    recipe = small("wgan-gp", batch=700)
    seeds = list(range(9, 0, -1))
    together = run(recipe, 2, seeds=seeds)
    assert together.seeds.tolist() == seeds
    for lane, seed in enumerate(seeds):
        assert_same_bytes(together.lane(lane), run(recipe, 2, seeds=[seed]))


def test_states_are_taken_apart_and_joined_again() -> None:
    state = run(small("sngan"), 1, seeds=[4, 5, 6, 7])
    assert state.some(1, 3).seeds.tolist() == [5, 6]
    assert_same_bytes(state.some(0, 1).joined([state.some(1, 3), state.lane(3)]), state)


# ---- failure


EXPLODING = small(
    "wgan-gp",
    critic_steps=5,
    optimizer="sgd",
    generator_learning_rate=1e-3,
    critic_learning_rate=10.0,
    penalty_weight=1000.0,
)


def test_a_run_that_explodes_says_in_which_step() -> None:
    recipe = EXPLODING
    state = initial_state(recipe)
    failed_at = None
    for step in range(1, 21):
        state, trace = advance(recipe, state, 1)
        losses = np.array([trace.critic_loss[0, 0], trace.generator_loss[0, 0]])
        if not (np.abs(losses) < EXPLODED).all():
            failed_at = step
            break
    assert failed_at is not None and failed_at > 1
    assert state.failed_at.tolist() == [failed_at]
    assert run(recipe, 20).failed_at.tolist() == [failed_at]
    assert run(recipe, failed_at, 20 - failed_at).failed_at.tolist() == [failed_at]
    assert run(recipe, 20, 5).failed_at.tolist() == [failed_at]


def test_numpy_s_products_do_not_warn_of_a_run_that_explodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "openblas", lambda: True)
    assert run(EXPLODING, 20).failed_at[0] > 1


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_failed_run_ends_with_its_last_sound_step_however_it_was_chunked(first: int) -> None:
    failed_at = int(run(EXPLODING, 20).failed_at[0])
    assert first < failed_at
    state, trace = advance_to_failure(EXPLODING, run(EXPLODING, first), 20)
    assert state.failed_at.tolist() == [failed_at]
    assert state.step == failed_at - 1
    sound = run(EXPLODING, failed_at - 1)
    assert sound.failed_at.tolist() == [-1]
    assert_same_bytes(dataclasses.replace(state, failed_at=sound.failed_at), sound)
    assert len(trace.critic_loss) == failed_at - 1 - first
    assert (np.abs(trace.critic_loss) < EXPLODED).all()


def test_a_sound_run_is_advanced_to_its_end() -> None:
    recipe = small("wgan-gp")
    assert_same_bytes(advance_to_failure(recipe, initial_state(recipe), 5)[0], run(recipe, 5))


def test_only_the_lanes_that_fail_are_marked() -> None:
    recipe = small("wgan-gp")
    state = run(recipe, 3, seeds=[0, 1])
    state.critic[0] = np.inf
    after, _ = advance(recipe, state, 2)
    assert after.failed_at.tolist() == [4, -1]
    assert advance(recipe, after, 4)[0].failed_at.tolist() == [4, -1]


def test_a_sound_run_has_not_failed() -> None:
    state = run(small("wgan-gp"), 10)
    assert state.failed_at.tolist() == [-1]
    assert advance(small("wgan-gp"), state, 0)[0].failed_at.tolist() == [-1]


# ---- knobs


def test_wgan_s_weights_are_within_the_bound_after_each_step() -> None:
    recipe = small("wgan", clip=0.02)
    state = initial_state(recipe)
    assert np.abs(state.critic).max() > 0.02
    for _ in range(3):
        state, _ = advance(recipe, state, 1)
        assert np.abs(state.critic).max() <= np.float32(0.02)


def test_the_average_follows_the_generator_with_its_decay() -> None:
    recipe = small("wgan-gp", ema=0.3)
    state = initial_state(recipe, dtype=np.float64)
    average = state.generator.copy()
    for kept in (1 / 10, 2 / 11, 3 / 12, 0.3, 0.3):
        state, _ = advance(recipe, state, 1)
        average = kept * average + (1 - kept) * state.generator
    np.testing.assert_allclose(state.average, average, rtol=1e-12)
    assert not np.allclose(state.average, state.generator)


def test_without_averaging_the_generator_itself_is_shown() -> None:
    state = run(small("wgan-gp", ema=0.0), 5)
    assert state.average.tobytes() == state.generator.tobytes()


def test_averaging_does_not_change_the_training() -> None:
    plain, averaged = run(small("dragan"), 5), run(small("dragan", ema=0.9), 5)
    assert plain.generator.tobytes() == averaged.generator.tobytes()


def test_learning_rates_halve_every_half_life() -> None:
    # Plain gradient descent with a frozen critic that is linear: the generator's bias moves by rate times a constant.
    recipe = small(
        "wgan-gp",
        optimizer="sgd",
        beta1=0.0,
        critic_learning_rate=0.0,
        generator_learning_rate=0.1,
        critic_depth=0,
        generator_depth=0,
        decay=3,
    )
    state = initial_state(recipe, dtype=np.float64)
    moves = []
    for _ in range(7):
        after, _ = advance(recipe, state, 1)
        moves.append((after.generator - state.generator)[0, -2:])
        state = after
    np.testing.assert_allclose(moves, moves[0] * 0.5 ** (np.arange(7) / 3)[:, None], rtol=1e-9)
    assert np.abs(moves[0]).max() > 0


def test_a_learning_rate_of_zero_freezes_a_network() -> None:
    start = initial_state(small())
    frozen_critic = run(small(critic_learning_rate=0.0), 3)
    frozen_generator = run(small(generator_learning_rate=0.0), 3)
    assert frozen_critic.critic.tobytes() == start.critic.tobytes()
    assert frozen_critic.generator.tobytes() != start.generator.tobytes()
    assert frozen_generator.generator.tobytes() == start.generator.tobytes()
    assert frozen_generator.critic.tobytes() != start.critic.tobytes()


def test_instance_noise_is_exactly_nothing_once_it_is_annealed() -> None:
    noisy, quiet = small("r3gan", instance_noise=0.5, instance_noise_steps=4), small("r3gan")
    state = run(noisy, 4)
    assert state.generator.tobytes() != run(quiet, 4).generator.tobytes()
    assert_same_bytes(advance(noisy, state, 3)[0], advance(quiet, state, 3)[0])


def test_instance_noise_is_still_there_one_step_before() -> None:
    noisy, quiet = small("dragan", instance_noise=0.5, instance_noise_steps=4), small("dragan")
    state = run(noisy, 3)
    assert advance(noisy, state, 1)[0].critic.tobytes() != advance(quiet, state, 1)[0].critic.tobytes()


def test_a_clipped_gradient_moves_plain_descent_by_at_most_rate_times_bound() -> None:
    recipe = small("wgan-gp", optimizer="sgd", beta1=0.0, critic_steps=1, gradient_clip=0.01, critic_learning_rate=0.5)
    before = initial_state(recipe, [0, 1], np.float64)
    after, _ = advance(recipe, before, 1)
    np.testing.assert_allclose(np.linalg.norm(after.critic - before.critic, axis=1), 0.005, rtol=1e-9)


def test_the_critic_s_loss_includes_the_weighted_penalty() -> None:
    # One critic step each, from the same weights on the same points.
    one, none = (
        advance(recipe, initial_state(recipe), 1)[1]
        for recipe in (small(penalty_weight=1, critic_steps=1), small(penalty_weight=0, critic_steps=1))
    )
    assert none.penalty.tolist() == [[0.0]]
    assert one.penalty[0, 0] > 0
    assert one.critic_loss - one.penalty == pytest.approx(none.critic_loss, rel=1e-5)


def test_a_method_without_a_penalty_ignores_its_weight() -> None:
    assert_same_bytes(run(small("wgan", penalty_weight=0.0), 3), run(small("wgan", penalty_weight=99.0), 3))


# ---- interventions


def test_an_intervention_changes_nothing_before_its_step() -> None:
    changed = small("wgan-gp", interventions=((4, {"method": "dragan", "critic_learning_rate": 0.1}),))
    assert_same_bytes(run(changed, 4), run(small("wgan-gp"), 4))
    assert run(changed, 5).critic.tobytes() != run(small("wgan-gp"), 5).critic.tobytes()


def test_changing_the_method_equals_switching_by_hand() -> None:
    recipe = small("wgan-gp", interventions=((4, {"method": "dragan", "batch": 20}),))
    by_hand = run(small("wgan-gp"), 4)
    assert_same_bytes(run(recipe, 9), advance(recipe.at(4), by_hand, 5)[0])


@pytest.mark.parametrize("chunks", [(9,), (4, 5), (3, 1, 5), (5, 4)], ids=str)
def test_another_optimiser_starts_with_its_moments_forgotten(chunks: tuple[int, ...]) -> None:
    changes = {"method": "wgan", "optimizer": "rmsprop", "critic_learning_rate": 1e-4}
    recipe = small("wgan-gp", interventions=((4, changes),))
    state = run(small("wgan-gp"), 4)
    assert state.critic_moments.any() and state.generator_moments.any()
    by_hand = dataclasses.replace(
        state,
        critic_moments=np.zeros_like(state.critic_moments),
        generator_moments=np.zeros_like(state.generator_moments),
        critic_updates=0,
        generator_updates=0,
    )
    assert_same_bytes(run(recipe, *chunks), advance(recipe.at(4), by_hand, 5)[0])


def test_another_learning_rate_keeps_the_moments() -> None:
    recipe = small("wgan-gp", interventions=((4, {"critic_learning_rate": 0.01}),))
    assert_same_bytes(run(recipe, 7), advance(recipe.at(4), run(small("wgan-gp"), 4), 3)[0])
    assert run(recipe, 7).generator_updates == 7


def test_interventions_follow_one_another() -> None:
    recipe = small("wgan-gp", interventions=((2, {"method": "hinge"}), (5, {"method": "r3gan", "ema": 0.5})))
    state = run(small("wgan-gp"), 2)
    state, _ = advance(recipe.at(2), state, 3)
    state, _ = advance(recipe.at(5), state, 4)
    assert_same_bytes(run(recipe, 9), state)


# ---- every method on every distribution


@pytest.mark.parametrize("data", DISTRIBUTIONS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_on_every_distribution(method: str, data: str) -> None:
    recipe = small(method, data=data, critic_steps=2)
    before = initial_state(recipe)
    after, trace = advance(recipe, before, 3)
    assert after.failed_at.tolist() == [-1]
    for name in ("critic", "generator", "average"):
        assert np.isfinite(getattr(after, name)).all()
        assert (getattr(after, name) != getattr(before, name)).any()
    for losses in (trace.critic_loss, trace.penalty, trace.generator_loss):
        assert np.isfinite(losses).all()
    assert (trace.penalty > 0).any() == bool(METHODS[method].penalties) or method == "wgan-lp"


# ---- devices


def test_small_networks_stay_on_the_processor() -> None:
    assert choose_device(small(device="auto")).type == "cpu"
    assert choose_device(small(device="cpu")).type == "cpu"


@pytest.mark.parametrize(
    ("device", "there"),
    [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())],
    ids=["cuda", "mps"],
)
def test_a_device_that_is_not_there_is_a_sentence_with_the_choices(device: str, there: bool) -> None:
    if there:
        pytest.skip(f"this machine has {device}")
    with pytest.raises(ValueError, match=f"device {device} is not available here: choose auto or cpu"):
        advance(small(device=device), initial_state(small()), 1)
