from __future__ import annotations

from collections import Counter

from passpost._policy.routes import Route, Routes, Weighted


def test_without_weights_the_first_is_always_the_first() -> None:
    routes = [Routes({"*": [Weighted(name, 0) for name in "abc"]}) for _ in range(100)]
    assert {route.order("SignIn") for route in routes for _ in range(10)} == {("a", "b", "c")}


def test_a_usage_has_its_own_route_and_a_star_serves_the_others() -> None:
    entries = {"SignIn": [Weighted("b", 0), Weighted("a", 0)], "*": [Weighted("c", 0)]}
    routes = Routes(entries)
    assert routes.order("SignIn") == ("b", "a")
    assert routes.order("Register") == ("c",)


def test_weights_share_exactly_and_evenly() -> None:
    route = Route([Weighted("a", 5), Weighted("b", 1), Weighted("c", 1), Weighted("d", 0)])
    # As nginx spreads 5, 1 and 1 (its commit 52327e0627f4).
    assert [route.order()[0] for _ in range(7)] == ["a", "a", "b", "a", "c", "a", "a"]
    firsts = Counter(route.order()[0] for _ in range(700))
    assert firsts == {"a": 500, "b": 100, "c": 100}


def test_behind_the_chosen_one_the_others_keep_their_order() -> None:
    route = Route([Weighted("a", 1), Weighted("b", 1), Weighted("backup", 0)])
    assert [route.order() for _ in range(2)] == [("a", "b", "backup"), ("b", "a", "backup")]
