"""A viewer's verbs move one session through shared runs, and its ticks bring the browser what it lacks, in order."""

from __future__ import annotations

import itertools
import json
import struct
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Clock, Hands, StandIn
from toygan.engine import AHEAD, Engine
from toygan.frames import unpack
from toygan.methods import METHODS
from toygan.pool import InlineExecutor
from toygan.recipe import MAX_STEPS, Recipe
from toygan.viewer import SPEEDS, Viewer

STATUS = {"played", "steps_per_second", "state", "goal", "message", "diagnosis", "frontier", "measured", "floor"}


def strictly(constant: str) -> float:
    raise AssertionError(f"{constant} is not JSON")


@dataclass
class Message:
    """What the browser reads of a tick."""

    run: str
    after: int
    status: dict[str, Any]
    frames: list[bytes]

    @property
    def steps(self) -> list[int]:
        """The steps of its keyframes, as the stand-in writes them."""
        return [int(frame.decode().split(":")[1]) for frame in self.frames]


def parse(data: bytes) -> Message:
    """A message by the wire's layout: length, head, then keyframes of the given sizes and nothing else."""
    (length,) = struct.unpack_from("<I", data)
    head = json.loads(data[4 : 4 + length], parse_constant=strictly)
    assert set(head) == {"runs", "page"}
    (part,) = head["runs"]
    assert set(part) == {"run", "after", "sizes", "seconds", "status"}
    assert set(part["status"]) == STATUS
    frames, at = [], 4 + length
    for size in part["sizes"]:
        frames.append(data[at : at + size])
        at += size
    assert at == len(data)
    return Message(part["run"], part["after"], part["status"], frames)


class Page:
    """A browser tab: ticks its viewer, lets the workers finish, and keeps what it was sent."""

    def __init__(self, hands: Hands, clock: Clock, engine: Engine | None = None, **fields: Any) -> None:
        self.hands = hands
        self.engine = engine or Engine(lambda: hands, clock=clock)
        self.viewer = Viewer(self.engine, Recipe.from_json(fields))
        self.store: dict[str, list[int]] = {}

    def receive(self) -> Message:
        """The message of a tick, which must go on exactly where the ones before it ended."""
        message = parse(self.viewer.tick())
        known = self.store.setdefault(message.run, [])
        assert message.after == (known[-1] if known else -1)
        known += message.steps
        assert known == sorted(set(known))
        return message

    def tick(self) -> Message:
        """A tick, after which the workers finish all they were asked for."""
        message = self.receive()
        self.hands.finish_all()
        return message

    def until(self, condition: Any, most: int = 500) -> None:
        for _ in range(most):
            if condition():
                return
            self.tick()
        raise AssertionError("it never came to that")

    def play_to(self, step: int) -> int:
        """Train until some step from ``step`` on is shown, pause, and let everything settle; says which it is."""
        self.viewer.play()
        self.until(lambda: self.viewer.cursor >= step)
        self.viewer.pause()
        self.settle()
        return self.viewer.cursor

    def settle(self) -> None:
        self.until(lambda: not self.viewer.live)

    def trained(self) -> int:
        """How often training was asked for so far."""
        return sum(name in ("start", "chunk") for name in self.hands.names())


@pytest.fixture
def page(hands: Hands, clock: Clock) -> Page:
    return Page(hands, clock)


# ---- the beginning


def test_a_page_that_was_just_opened_prepares_and_then_shows_step_zero(page: Page) -> None:
    first = page.tick()
    assert first.run == page.viewer.recipe.key
    assert first.after == -1 and first.frames == []
    assert first.status["state"] == "preparing" and first.status["frontier"] == -1
    second = page.tick()
    assert second.steps == [0]
    assert second.status["state"] == "paused" and second.status["steps_per_second"] is None


def test_a_page_is_live_until_it_has_all_it_waits_for(page: Page) -> None:
    assert page.viewer.live
    page.settle()
    assert page.store[page.viewer.recipe.key] == [0]
    assert page.viewer.floor == (0.1, 0.01)
    assert page.trained() == 1


def test_messages_tell_the_noise_floor_as_soon_as_it_is_known(page: Page) -> None:
    assert page.tick().status["floor"] is None
    assert page.tick().status["floor"] == {"w1": 0.1, "std": 0.01, "n": 500}


def test_a_page_is_eager_for_its_first_keyframe_and_for_the_first_that_is_trained(page: Page) -> None:
    assert page.viewer.eager
    page.settle()
    assert not page.viewer.eager
    page.viewer.play()
    assert page.viewer.eager
    page.until(lambda: page.viewer.cursor > 0)
    assert page.viewer.playing and not page.viewer.eager


def test_a_page_that_has_seen_all_there_is_waits_for_news_and_gets_them(page: Page) -> None:
    news: list[int] = []
    page.viewer.news = lambda: news.append(page.viewer.run.frontier)
    page.receive()
    assert page.viewer.patient and not news
    page.hands.finish_all()
    assert news == [0] and not page.viewer.playing
    page.settle()
    assert not page.viewer.patient, "it waits for nothing"
    page.viewer.play()
    page.receive()
    assert page.viewer.patient
    page.hands.finish_all()
    assert news == [0, *[keyframe.step for keyframe in page.viewer.run.keyframes[1:]]]
    assert not page.viewer.patient, "there is something to show"
    page.receive()
    page.receive()
    page.viewer.pause()
    assert page.hands.finish_all() == 1
    assert len(news) == len(page.viewer.run.keyframes) - 1, "who has paused is told no more"


@pytest.mark.parametrize("speed", ["slow", "medium", "full"])
def test_a_tick_without_news_finds_nothing(page: Page, speed: str) -> None:
    page.viewer.speed = speed
    page.viewer.play()
    for _ in range(40):
        page.receive()
        if page.viewer.patient:
            assert page.receive().frames == []
            page.hands.finish_all()
    assert page.viewer.cursor > 10


# ---- play and pause


def test_playing_shows_keyframes_in_order_and_never_one_twice(page: Page) -> None:
    page.viewer.play()
    page.until(lambda: page.viewer.cursor > 100)
    key = page.viewer.recipe.key
    steps = [keyframe.step for keyframe in page.viewer.run.keyframes]
    assert page.store[key] == [step for step in steps if step <= page.viewer.cursor]


def test_the_state_says_training_while_it_plays_and_paused_after(page: Page) -> None:
    page.tick()
    page.viewer.play()
    assert page.tick().status["state"] == "training"
    page.viewer.pause()
    assert page.tick().status["state"] == "paused"


def test_a_pause_asks_for_nothing_more(page: Page) -> None:
    page.viewer.play()
    page.until(lambda: page.viewer.cursor > 20)
    page.receive()
    assert page.hands.waiting
    page.viewer.pause()
    asked, cursor = page.trained(), page.viewer.cursor
    for _ in range(5):
        page.tick()
    assert page.trained() == asked
    assert page.viewer.cursor == cursor
    assert not page.viewer.playing


def test_training_is_never_more_than_a_few_keyframes_ahead_of_what_is_shown(page: Page) -> None:
    page.viewer.play()
    for _ in range(30):
        page.tick()
        run = page.viewer.run
        assert len(run.keyframes) - run.index_after(page.viewer.cursor) <= AHEAD


def test_going_on_after_a_pause_goes_on_where_it_was(page: Page) -> None:
    at = page.play_to(30)
    page.viewer.play()
    page.until(lambda: page.viewer.cursor > at)
    assert page.store[page.viewer.recipe.key][0] == 0


def test_the_longest_run_ends_by_itself(page: Page) -> None:
    page.hands.work = StandIn(pace=1e-9)
    page.viewer.play()
    page.until(lambda: not page.viewer.playing)
    assert page.viewer.cursor == MAX_STEPS
    page.settle()


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_speed_bounds_steps_between_keyframes_and_keyframes_a_tick(page: Page, speed: str) -> None:
    page.viewer.speed = speed
    page.viewer.play()
    for _ in range(12):
        message = page.tick()
        assert len(message.frames) <= SPEEDS[speed].keyframes + 1
    steps = page.store[page.viewer.recipe.key]
    assert max(b - a for a, b in itertools.pairwise(steps)) <= SPEEDS[speed].stride


def test_slow_shows_every_single_step(page: Page) -> None:
    page.viewer.speed = "slow"
    page.viewer.play()
    page.until(lambda: page.viewer.cursor >= 9)
    assert page.store[page.viewer.recipe.key] == list(range(10))


def test_slow_replays_what_full_speed_went_over_step_by_step(page: Page) -> None:
    page.play_to(200)
    page.viewer.reset()
    page.store.clear()  # after a reset everything is sent anew
    page.viewer.speed = "slow"
    page.viewer.play()
    cursors: list[int] = []
    page.until(lambda: (cursors.append(page.viewer.cursor), page.viewer.cursor >= 9)[1])
    assert sorted(set(cursors)) == list(range(10))


def test_full_speed_does_not_crawl_over_what_slow_showed_step_by_step(page: Page) -> None:
    page.viewer.speed = "slow"
    page.play_to(100)
    page.viewer.reset()
    page.store.clear()
    page.viewer.speed = "full"
    page.viewer.play()
    page.tick()
    assert page.viewer.cursor >= 50


# ---- step, reset


def test_a_step_is_one_generator_step_and_then_a_pause(page: Page) -> None:
    for expected in (1, 2, 3):
        page.viewer.step()
        page.settle()
        assert page.viewer.cursor == expected
        assert not page.viewer.playing
    assert page.store[page.viewer.recipe.key] == [0, 1, 2, 3]
    assert page.viewer.run.frontier == 3


def test_every_step_counts_however_quickly_it_is_asked_for(page: Page) -> None:
    for _ in range(3):
        page.viewer.step()
    page.receive()
    page.viewer.step()
    page.settle()
    assert page.viewer.cursor == 4 and not page.viewer.playing
    page.viewer.step()
    page.settle()
    assert page.viewer.cursor == 5


def test_a_step_back_on_known_ground_is_told_of_as_soon_as_it_is_there(page: Page) -> None:
    at = page.play_to(40)
    known = page.viewer.run.keyframe_at
    page.viewer.branch_from(at // 2)
    assert known(page.viewer.cursor + 1) is None
    page.viewer.step()
    assert page.viewer.eager
    news: list[int] = []
    page.viewer.news = lambda: news.append(1)
    page.receive()
    page.hands.finish_all()
    assert news and known(page.viewer.cursor + 1) is not None


def test_a_step_within_what_was_trained_ahead_is_one_step_too(page: Page) -> None:
    page.viewer.speed = "medium"
    at = page.play_to(40)
    assert page.viewer.run.frontier > at + 1
    page.viewer.step()
    page.settle()
    assert page.viewer.cursor == at + 1
    assert page.store[page.viewer.recipe.key][-2:] == [at, at + 1]


def test_reset_goes_back_to_the_start_and_keeps_what_was_computed(page: Page) -> None:
    page.play_to(40)
    asked = page.trained()
    page.viewer.reset()
    assert page.viewer.cursor == 0 and page.viewer.show == 0 and not page.viewer.playing
    page.store.clear()
    page.settle()
    assert page.store[page.viewer.recipe.key] == [0]
    assert page.trained() == asked
    page.viewer.play()
    page.tick()
    assert page.viewer.cursor > 0
    assert page.trained() == asked


# ---- another recipe


def test_another_recipe_plays_on_from_its_own_start(page: Page) -> None:
    page.viewer.play()
    page.until(lambda: page.viewer.cursor > 30)
    before = page.viewer.recipe
    page.viewer.watch(Recipe(method="dragan"))
    assert page.viewer.playing and page.viewer.cursor == 0 and page.viewer.show is None
    assert page.viewer.previous == before
    message = page.tick()
    assert message.run == Recipe(method="dragan").key and message.after == -1
    page.until(lambda: page.viewer.cursor > 30)


def test_nothing_more_is_computed_for_the_recipe_left_behind(page: Page) -> None:
    page.viewer.play()
    page.until(lambda: page.viewer.cursor > 30)
    left = page.viewer.run
    frontier = left.frontier
    page.viewer.watch(Recipe(method="dragan"))
    page.until(lambda: page.viewer.cursor > 100)
    assert left.frontier <= frontier + left.length
    assert not left.interests


def test_flipping_while_paused_runs_to_the_same_step_and_stops_there(page: Page) -> None:
    at = page.play_to(37)
    page.viewer.watch(Recipe(method="dragan"))
    page.settle()
    assert page.viewer.cursor == at == page.store[Recipe(method="dragan").key][-1]
    assert not page.viewer.playing
    assert page.viewer.run.frontier == at


def test_flipping_before_anything_was_trained_trains_nothing(page: Page) -> None:
    page.settle()
    page.viewer.watch(Recipe(method="dragan"))
    page.settle()
    assert page.viewer.cursor == 0 and not page.viewer.playing
    assert "chunk" not in page.hands.names()


def test_flipping_back_shows_the_step_last_seen_at_once_and_computes_nothing(page: Page) -> None:
    first = page.viewer.recipe
    at = page.play_to(37)
    page.viewer.watch(Recipe(method="dragan"))
    page.settle()
    asked = len(page.hands.calls)
    page.viewer.watch(first)
    assert page.viewer.show == at == page.viewer.cursor
    message = page.tick()
    assert message.run == first.key and message.after == at and message.frames == []
    assert message.status["state"] == "paused"
    assert len(page.hands.calls) == asked
    assert page.viewer.live, "the last word is said twice"
    page.tick()
    assert not page.viewer.live


def test_flipping_back_while_playing_goes_on_from_the_step_last_seen(page: Page) -> None:
    first = page.viewer.recipe
    page.viewer.play()
    page.until(lambda: page.viewer.cursor > 30)
    at = page.viewer.cursor
    page.viewer.watch(Recipe(method="dragan"))
    page.tick()
    page.viewer.watch(first)
    assert page.viewer.show == at and page.viewer.playing
    page.until(lambda: page.viewer.cursor > at)


def test_flipping_on_before_the_first_flip_got_there_still_stops_at_the_step(page: Page) -> None:
    at = page.play_to(200)
    page.viewer.watch(Recipe(method="dragan"))
    page.tick()
    assert page.viewer.cursor < at
    page.viewer.watch(Recipe(method="r3gan"))
    for _ in range(100):
        page.tick()
    assert page.viewer.cursor == at
    assert not page.viewer.playing


def test_flipping_back_before_the_first_flip_got_there_does_not_start_training(page: Page) -> None:
    first = page.viewer.recipe
    at = page.play_to(200)
    page.viewer.watch(Recipe(method="dragan"))
    page.tick()
    page.viewer.watch(first)
    for _ in range(10):
        page.tick()
    assert page.viewer.cursor == at
    assert not page.viewer.playing


def test_watching_the_same_recipe_changes_nothing(page: Page) -> None:
    page.viewer.play()
    page.tick()
    page.viewer.watch(Recipe.from_json(page.viewer.recipe.to_json()))
    assert page.viewer.previous is None and page.viewer.playing


# ---- a link to a step


@pytest.mark.parametrize("goal", [1, 137, 1000])
def test_a_link_s_step_is_reached_exactly_and_the_page_stops_there(page: Page, goal: int) -> None:
    page.viewer.go_to(goal, hurry=True)
    page.tick()
    told = []
    while page.viewer.playing:
        told.append(page.tick().status)
    assert {(status["state"], status["goal"]) for status in told[:-1]} <= {("rebuilding", goal)}
    assert told[-1]["goal"] is None
    assert page.viewer.cursor == goal == page.viewer.run.frontier
    page.settle()
    assert page.store[page.viewer.recipe.key][-1] == goal


def test_hurrying_to_a_step_is_not_held_up_by_what_was_shown(page: Page) -> None:
    page.hands.work = StandIn(pace=0.2)  # one step a chunk
    page.viewer.go_to(60, hurry=True)
    page.tick()
    page.tick()
    assert page.viewer.run.frontier > AHEAD + 1 or page.hands.waiting
    page.until(lambda: page.viewer.cursor == 60, most=40)


def test_a_step_that_others_trained_already_is_shown_without_training(hands: Hands, clock: Clock, page: Page) -> None:
    at = page.play_to(60)
    asked = page.trained()
    visitor = Page(hands, clock, page.engine)
    visitor.viewer.go_to(at, hurry=True)
    visitor.settle()
    assert visitor.viewer.cursor == at
    assert visitor.trained() == asked
    assert visitor.store[visitor.viewer.recipe.key] == page.store[page.viewer.recipe.key]


def test_a_step_between_known_keyframes_is_computed_and_shown(hands: Hands, clock: Clock, page: Page) -> None:
    page.play_to(200)
    steps = [keyframe.step for keyframe in page.viewer.run.keyframes]
    missing = next(step for step in range(steps[-2]) if step not in steps)
    visitor = Page(hands, clock, page.engine)
    visitor.viewer.go_to(missing, hurry=True)
    visitor.settle()
    assert visitor.viewer.cursor == missing == visitor.store[visitor.viewer.recipe.key][-1]


def test_going_to_a_step_already_passed_stays_where_it_is(page: Page) -> None:
    at = page.play_to(50)
    page.viewer.go_to(3)
    assert not page.viewer.playing and page.viewer.goal is None
    assert page.viewer.cursor == at


def test_flipping_while_a_link_is_rebuilt_does_not_rush_the_next_run(page: Page) -> None:
    page.viewer.go_to(1000, hurry=True)
    page.until(lambda: page.viewer.cursor > 10)
    page.viewer.watch(Recipe(method="dragan"))
    page.tick()
    page.tick()
    assert page.tick().status["state"] != "rebuilding" or page.viewer.goal == 1000


# ---- changing fields


def test_a_change_begins_a_new_run_from_the_same_seed(page: Page) -> None:
    page.settle()
    before = page.viewer.recipe
    page.viewer.change(critic_steps=2, batch=64)
    assert page.viewer.recipe == Recipe(critic_steps=2, batch=64)
    assert page.viewer.previous == before
    assert page.viewer.recipe.seed == before.seed


def test_a_change_to_what_already_is_changes_nothing(page: Page) -> None:
    before = page.viewer.recipe
    page.viewer.change(batch=before.batch, method=before.method)
    assert page.viewer.recipe is before and page.viewer.previous is None


def test_an_impossible_change_is_a_sentence_and_leaves_everything_as_it_was(page: Page) -> None:
    at = page.play_to(20)
    before = page.viewer.recipe
    for keep in (False, True):
        page.viewer.keep_weights = keep
        with pytest.raises(ValueError, match=r"batch must be between 1 and .*, not 0"):
            page.viewer.change(batch=0)
        with pytest.raises(ValueError, match="unknown method 'wgna'"):
            page.viewer.change(method="wgna")
    assert page.viewer.recipe is before and page.viewer.cursor == at and page.viewer.previous is None


def test_other_data_come_with_their_own_usual_shape(page: Page) -> None:
    page.viewer.change(data="ring8", data_parameters=(("std", 0.1),))
    page.viewer.change(data="grid25")
    assert page.viewer.recipe == Recipe(data="grid25")


def test_a_change_of_the_data_s_shape_is_a_new_run(page: Page) -> None:
    page.viewer.change(data_parameters=(("radius", 3.0), ("std", 0.02)))
    assert dict(page.viewer.recipe.data_parameters) == {"radius": 3.0, "std": 0.02}


def test_a_change_after_an_intervention_starts_from_what_is_in_force(page: Page) -> None:
    # The sidebar shows what is in force; a change of one field must not bring back another field's former value.
    page.play_to(20)
    page.viewer.keep_weights = True
    page.viewer.pick_method("dragan")
    page.settle()
    page.viewer.keep_weights = False
    page.viewer.change(batch=64)
    assert page.viewer.recipe.interventions == ()
    assert (page.viewer.recipe.method, page.viewer.recipe.batch) == ("dragan", 64)


# ---- picking a method


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_picked_with_its_own_settings_and_all_else_as_it_is(page: Page, method: str) -> None:
    page.viewer.change(batch=64, seed=5, data="grid25", critic_width=32, activation="tanh")
    page.viewer.pick_method(method)
    expected = Recipe(method=method, batch=64, seed=5, data="grid25", critic_width=32, activation="tanh")
    assert page.viewer.recipe == expected


def test_a_method_that_was_tuned_comes_back_as_it_was_tuned(page: Page) -> None:
    page.viewer.change(critic_steps=3, penalty_weight=7.0)
    tuned = page.viewer.recipe
    page.viewer.pick_method("dragan")
    assert page.viewer.recipe == Recipe(method="dragan")
    page.viewer.pick_method(tuned.method)
    assert page.viewer.recipe == tuned


def test_an_unknown_method_is_a_sentence(page: Page) -> None:
    with pytest.raises(ValueError, match="unknown method 'wgna': choose from"):
        page.viewer.pick_method("wgna")


# ---- keeping the weights


def test_with_the_weights_kept_a_change_is_an_intervention_at_the_step_shown(page: Page) -> None:
    at = page.play_to(30)
    first = page.viewer.recipe
    history = page.store[first.key]
    page.viewer.keep_weights = True
    asked = page.trained()
    page.viewer.change(batch=64)
    assert page.viewer.recipe == first.intervene(at, batch=64)
    assert page.viewer.cursor == at == page.viewer.show
    page.settle()
    assert page.trained() == asked
    # its history is the shared one, sent again under its own name
    assert len(page.viewer.run.keyframes) == len(history)
    page.viewer.play()
    page.tick()
    page.tick()
    assert page.viewer.cursor > at


def test_keeping_the_weights_of_an_untrained_run_is_just_another_run(page: Page) -> None:
    page.settle()
    page.viewer.keep_weights = True
    page.viewer.change(batch=64)
    assert page.viewer.recipe == Recipe(batch=64)


def test_what_shapes_the_networks_cannot_change_with_the_weights_kept_and_says_so(page: Page) -> None:
    page.play_to(30)
    page.viewer.keep_weights = True
    page.viewer.change(critic_width=32)
    assert page.viewer.recipe == Recipe(critic_width=32)
    assert page.viewer.notice == "Critic width cannot change while keeping the weights: this is a new run."
    page.viewer.keep_weights = False
    page.viewer.change(critic_width=64)
    assert page.viewer.notice is None


def test_a_method_flipped_with_the_weights_kept_brings_its_own_settings(page: Page) -> None:
    at = page.play_to(30)
    page.viewer.keep_weights = True
    page.viewer.pick_method("wgan")
    now = page.viewer.recipe.at(at)
    assert (now.method, now.optimizer, now.clip) == ("wgan", "rmsprop", Recipe(method="wgan").clip)
    assert page.viewer.recipe.at(at - 1) == Recipe()


def test_when_the_state_is_gone_the_intervention_is_trained_anew_up_to_the_step(page: Page) -> None:
    at = page.play_to(30)
    page.viewer.run.states.pop(at)
    page.viewer.keep_weights = True
    page.viewer.change(batch=64)
    page.settle()
    assert page.viewer.recipe.interventions == ((at, (("batch", 64),)),)
    assert page.viewer.cursor == at
    assert not page.viewer.playing


# ---- messages


def test_what_the_browser_lacks_is_sent_again_from_where_it_says(page: Page) -> None:
    page.play_to(100)
    key = page.viewer.recipe.key
    steps = page.store[key]
    page.viewer.resend(key, steps[2])
    page.store[key] = steps[:3]
    page.settle()
    assert page.store[key] == steps


def test_a_browser_that_lost_everything_gets_everything(page: Page) -> None:
    page.play_to(100)
    key, steps = page.viewer.recipe.key, page.store[page.viewer.recipe.key]
    page.viewer.resend(key, -1)
    page.store.clear()
    page.settle()
    assert page.store[key] == steps


def test_a_wish_to_send_again_never_skips_what_was_not_sent_yet(page: Page) -> None:
    page.play_to(50)
    key = page.viewer.recipe.key
    page.viewer.resend(key, 10**6)
    page.viewer.resend("0123456789abcdef", 7)
    page.tick()
    at = page.play_to(150)
    assert page.store[key] == [k.step for k in page.viewer.run.keyframes if k.step <= at]


def test_messages_stay_small_even_when_a_long_history_is_due(hands: Hands, clock: Clock) -> None:
    page = Page(hands, clock)
    page.viewer.speed = "slow"
    page.play_to(300)
    page.viewer.resend(page.viewer.recipe.key, -1)
    page.store.clear()
    counts = []
    while page.viewer.live:
        counts.append(len(page.tick().frames))
    assert sum(counts) == 301
    assert max(counts) <= 100


def test_a_real_run_s_messages_hold_frames_that_can_be_read(clock: Clock) -> None:
    small = {"generator_width": 4, "generator_depth": 1, "critic_width": 4, "critic_depth": 1, "batch": 8}
    engine = Engine(InlineExecutor, clock=clock)
    viewer = Viewer(engine, Recipe.from_json(small))
    viewer.play()
    seen: list[int] = []
    while viewer.cursor < 5:
        message = parse(viewer.tick())
        assert message.after == (seen[-1] if seen else -1)
        seen += [unpack(frame).step for frame in message.frames]
    assert seen[0] == 0 and seen == sorted(set(seen))
    assert seen[-1] == viewer.cursor


def test_a_diagnosis_travels_with_the_status(hands: Hands, clock: Clock) -> None:
    hands.work = StandIn(pace=0.001, extra={"modes_total": 8, "modes_by_share": 1, "high_quality": 0.9})
    page = Page(hands, clock)
    page.play_to(2000)
    found = page.tick().status["diagnosis"]
    assert found["kind"] == "collapse" and "1 of 8" in found["text"]


def test_nothing_is_diagnosed_of_a_generator_that_is_not_trained(hands: Hands, clock: Clock) -> None:
    hands.work = StandIn(pace=0.001, extra={"modes_total": 8, "modes_by_share": 1, "high_quality": 0.9})
    page = Page(hands, clock, generator="frozen")
    page.play_to(2000)
    assert page.tick().status["diagnosis"] is None


# ---- measurements


def test_a_paused_step_is_measured_on_more_points(page: Page) -> None:
    at = page.play_to(30)
    assert page.tick().status["measured"] == {"w1": float(at), "n": 2000, "step": at}
    page.viewer.play()
    assert page.tick().status["measured"] is None


def test_a_measurement_that_cannot_be_taken_does_not_keep_the_page_waiting(page: Page) -> None:
    page.viewer.play()
    page.until(lambda: page.viewer.cursor > 30)
    page.viewer.pause()
    page.receive()
    for _ in range(10):
        while page.hands.waiting:
            if page.hands.waiting[0].name == "measure":
                page.hands.kill()
            else:
                page.hands.finish()
        page.receive()
        assert page.viewer.floor is not None or page.hands.waiting
    assert not page.viewer.live


def test_a_floor_that_cannot_be_computed_does_not_keep_the_page_waiting(page: Page) -> None:
    for _ in range(10):
        assert page.viewer.live is not None
        while page.hands.waiting:
            if page.hands.waiting[0].name == "floor":
                page.hands.kill()
            else:
                page.hands.finish()
        page.receive()
    assert not page.viewer.live


# ---- trouble


def test_a_run_that_went_wrong_is_shown_to_its_end_and_stops_playing(hands: Hands, clock: Clock) -> None:
    hands.work = StandIn(fails_at=25)
    page = Page(hands, clock)
    page.viewer.play()
    page.until(lambda: not page.viewer.playing)
    assert page.viewer.cursor == 25
    assert page.tick().status["state"] == "failed"
    page.settle()
    asked = page.trained()
    page.viewer.play()
    page.tick()
    assert not page.viewer.playing
    assert page.trained() == asked


def test_another_recipe_can_be_picked_after_one_went_wrong(hands: Hands, clock: Clock) -> None:
    hands.work = StandIn(fails_at=25)
    page = Page(hands, clock)
    page.viewer.play()
    page.until(lambda: not page.viewer.playing)
    hands.work = StandIn()
    page.viewer.pick_method("dragan")
    page.settle()
    assert page.viewer.cursor == 25


def test_an_error_is_told_and_stops_playing_and_train_tries_again(page: Page) -> None:
    page.tick()
    page.viewer.play()
    page.receive()
    page.hands.fail(ValueError("device cuda is not available here: choose auto or cpu."))
    message = page.receive()
    assert message.status["state"] == "failed"
    assert message.status["message"] == "device cuda is not available here: choose auto or cpu."
    page.tick()
    assert not page.viewer.playing and not page.viewer.live
    page.viewer.play()
    page.until(lambda: page.viewer.cursor > 5)
    assert page.viewer.run.error is None


def test_reset_clears_an_error(page: Page) -> None:
    page.receive()
    failed = page.viewer.run
    while page.hands.waiting:
        page.hands.kill()
    assert failed.error is not None
    page.viewer.reset()
    page.settle()
    assert page.viewer.run is not failed and page.viewer.run.error is None
    assert page.store[page.viewer.recipe.key] == [0]


# ---- several sessions


def test_two_sessions_share_a_run_but_not_their_place_in_it(hands: Hands, clock: Clock, page: Page) -> None:
    other = Page(hands, clock, page.engine)
    page.play_to(300)
    assert other.viewer.cursor == 0 and not other.viewer.playing
    asked = page.trained()
    other.viewer.play()
    other.tick()
    other.tick()
    assert 0 < other.viewer.cursor < page.viewer.cursor
    assert page.trained() == asked
    assert other.viewer.run is page.viewer.run


def test_a_session_that_pauses_does_not_stop_the_other(hands: Hands, clock: Clock, page: Page) -> None:
    other = Page(hands, clock, page.engine)
    page.viewer.play()
    other.viewer.play()
    page.tick()
    other.tick()
    page.viewer.pause()
    at = other.viewer.cursor
    other.until(lambda: other.viewer.cursor > at + 30)
    assert not page.viewer.playing


# ---- branches


def test_a_branch_begins_at_an_earlier_step_with_its_weights(page: Page) -> None:
    page.play_to(60)
    trunk, earlier = page.viewer.recipe, page.viewer.run.keyframes[-3].step
    page.viewer.branch_from(earlier)
    assert page.viewer.cursor == page.viewer.show == earlier and not page.viewer.playing
    page.viewer.change(penalty_weight=2.0)
    assert page.viewer.recipe == trunk.intervene(earlier, penalty_weight=2.0)
    page.settle()
    assert page.viewer.cursor == earlier


def test_a_branch_from_between_two_keyframes_begins_at_the_one_before(page: Page) -> None:
    page.play_to(60)
    before, after = page.viewer.run.keyframes[-3].step, page.viewer.run.keyframes[-2].step
    page.viewer.branch_from((before + after) // 2)
    assert page.viewer.cursor == before


def test_nobody_branches_from_a_step_that_was_not_shown_yet(page: Page) -> None:
    step = page.play_to(40)
    page.viewer.branch_from(step + 1000)
    assert page.viewer.cursor == step


def test_after_branching_train_goes_on_over_known_ground(page: Page) -> None:
    step = page.play_to(60)
    asked = page.trained()
    page.viewer.branch_from(page.viewer.run.keyframes[1].step)
    page.viewer.go_to(step)
    page.settle()
    assert page.viewer.cursor == step and page.trained() == asked


def test_the_message_says_how_far_a_viewer_has_played_though_more_was_sent(page: Page) -> None:
    page.play_to(60)
    earlier = page.viewer.run.keyframes[2].step
    page.viewer.branch_from(earlier)
    assert page.tick().status["played"] == earlier


def test_the_tree_has_the_run_its_branches_and_how_far_each_has_come(page: Page) -> None:
    assert len(page.viewer.tree()) == 1
    step = page.play_to(60)
    trunk = page.viewer.recipe
    page.viewer.branch_from(page.viewer.run.keyframes[2].step)
    page.viewer.change(method="dragan")
    page.settle()
    root, branch = page.viewer.tree()
    assert (root.recipe, branch.recipe) == (trunk, page.viewer.recipe)
    assert root.reach >= step
    assert branch.step == page.viewer.cursor
