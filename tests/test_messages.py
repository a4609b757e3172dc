"""Messages: one layout for one run or several, and nothing sent twice or forgotten."""

import json
import struct
from typing import Any

from tests.conftest import Hands, StandIn
from toygan import messages
from toygan.engine import Engine, Run
from toygan.recipe import Recipe
from toygan.record import Keyframe


def trained(hands: Hands, replicates: int = 1, seed: int = 0) -> Run:
    engine = Engine(lambda: hands)
    run = engine.open(Recipe(seed=seed), replicates)
    for _ in range(5):
        hands.finish_all()
        engine.watch(run, "me", cursor=run.frontier)
    hands.finish_all()
    return run


def read(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def test_a_message_carries_each_run_s_keyframes_one_after_another(hands: Hands) -> None:
    first, second = trained(hands), trained(hands, seed=1)
    outbox = messages.Outbox()
    parts = [outbox.part(run, run.frontier, {"state": "paused"}) for run in (first, second)]
    head, body = read(messages.join(parts, {"clock": "steps"}))
    assert head["page"] == {"clock": "steps"}
    assert [part["run"] for part in head["runs"]] == [first.key, second.key]
    assert body == b"".join(k.data for run in (first, second) for k in run.keyframes)
    for part, run in zip(head["runs"], (first, second), strict=True):
        assert part["sizes"] == [len(keyframe.data) for keyframe in run.keyframes]
        assert part["seconds"] == [round(keyframe.seconds, 4) for keyframe in run.keyframes]
        assert "lanes" not in part


def test_numbers_that_are_not_finite_are_null_and_the_others_stay(hands: Hands) -> None:
    run = trained(hands)
    status = {"measured": {"w1": 0.5, "critic_gap": float("nan"), "pairs": [float("inf"), (1, -float("inf"))]}}
    head, body = read(messages.join([messages.Outbox().part(run, run.frontier, status)], {"reading": float("nan")}))
    assert head["runs"][0]["status"] == {"measured": {"w1": 0.5, "critic_gap": None, "pairs": [None, [1, None]]}}
    assert head["page"] == {"reading": None}
    assert body == b"".join(keyframe.data for keyframe in run.keyframes)


def test_replicates_come_with_the_metrics_of_each(hands: Hands) -> None:
    run = trained(hands, replicates=3)
    head, _ = read(messages.join([messages.Outbox().part(run, run.frontier, {})]))
    (part,) = head["runs"]
    assert part["lanes"][0]["w1"] == [1.0] * 3
    assert part["lanes"][0]["modes"] == [None] * 3


def test_what_only_some_generators_tell_is_sent_of_their_replicates_alone(hands: Hands) -> None:
    plain = trained(hands, replicates=2)
    hands.work = StandIn(extra={"theta": 0.5})
    line = trained(hands, replicates=2, seed=1)
    head, _ = read(messages.join([messages.Outbox().part(run, run.frontier, {}) for run in (plain, line)]))
    assert "theta" not in head["runs"][0]["lanes"][0]
    assert head["runs"][1]["lanes"][0]["theta"] == [0.5, 0.5]


def test_nothing_is_sent_twice_until_it_is_asked_for(hands: Hands) -> None:
    run, outbox = trained(hands), messages.Outbox()
    everything = [keyframe.step for keyframe in run.keyframes]
    steps = lambda part: [keyframe.step for keyframe in part.keyframes]  # noqa: E731
    assert steps(outbox.part(run, everything[1], {})) == everything[:2]
    assert steps(outbox.part(run, everything[-1], {})) == everything[2:]
    assert steps(outbox.part(run, everything[-1], {})) == []
    outbox.lacks(run.key, everything[0])
    assert steps(outbox.part(run, everything[-1], {})) == everything[1:]
    outbox.forget(run)
    assert steps(outbox.part(run, everything[-1], {})) == everything


def test_a_long_history_comes_in_parts(hands: Hands, monkeypatch) -> None:
    monkeypatch.setattr(messages, "BULK", 2)
    run, outbox = trained(hands), messages.Outbox()
    first = outbox.part(run, run.frontier, {})
    assert len(first.keyframes) == 2
    second = outbox.part(run, run.frontier, {})
    assert second.after == first.keyframes[-1].step


class Thinned(Run):
    """A run whose keyframes are thinned whenever somebody has looked at them."""

    @property
    def keyframes(self) -> list[Keyframe]:
        found, self._left = self._left, self._left[::2]
        return found

    @keyframes.setter
    def keyframes(self, keyframes: list[Keyframe]) -> None:
        self._left = keyframes


def test_a_run_thinned_between_two_looks_is_sent_up_to_the_step_asked_for_and_whole() -> None:
    frames = [Keyframe(step, b"", (), (), 0.0) for step in range(16)]
    run = Thinned(Recipe())
    run.keyframes = frames
    assert messages.Outbox().part(run, 5, {}).keyframes == frames[:6]
    run.keyframes = frames
    assert run.keyframe_at(13) is frames[13]
