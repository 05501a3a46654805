"""Settings of Celery: those that this package sets, and those that it rejects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from celery import Celery, Task

from passpost import ConfigError, Problem
from passpost.phrases import Phrases

_ = Phrases("passpost_celery")

DEFAULTS: Final[Mapping[str, Any]] = {
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_prefetch_multiplier": 1,
    "worker_soft_shutdown_timeout": 20.0,
    "broker_connection_retry_on_startup": True,
}
"""What is set where the application says nothing. The guide explains each."""

REDIS: Final[Mapping[str, Any]] = {
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
"""Likewise, in ``broker_transport_options`` of a Redis broker."""


def apply_settings(app: Celery) -> None:
    """Set what the application has not set itself."""
    for name, value in DEFAULTS.items():
        if not app.conf.value_set_for(name):
            app.conf[name] = value
    if app.connection_for_read().transport.driver_type == "redis":
        if not app.conf.value_set_for("worker_disable_prefetch"):
            app.conf.worker_disable_prefetch = True
        app.conf.broker_transport_options = {**REDIS, **app.conf.broker_transport_options}


def check(app: Celery, task: Task) -> None:
    """Reject settings that would break a promise of the outbox.

    Raises:
        ConfigError: With all of them.
    """
    problems = tuple(_problems(app, task))
    if problems:
        raise ConfigError(problems)


def _problems(app: Celery, task: Task) -> Iterator[Problem]:
    if app.conf.task_always_eager:
        yield Problem(
            "task_always_eager",
            _("requests would send emails themselves, and wait for the provider"),
            _("set it to False; in tests, make the outbox without an engine"),
            code="celery-E1",
        )
    if not {"json", "application/json"} & set(app.conf.accept_content or ()):
        yield Problem(
            "accept_content",
            _("workers would discard the IDs of emails, which are JSON"),
            _("add `json`"),
            code="celery-E2",
        )
    if app.conf.worker_cancel_long_running_tasks_on_connection_loss:
        yield Problem(
            "worker_cancel_long_running_tasks_on_connection_loss",
            _("a lost connection to the broker would end emails under way as `unknown`"),
            _("set it to False, or leave it out"),
            code="celery-E3",
        )
    if app.conf.task_protocol == 1:
        yield Problem(
            "task_protocol",
            _("messages of protocol 1 show arguments in events"),
            _("set it to 2, or leave it out"),
            code="celery-E4",
        )
    wanted = {
        "acks_late": True,
        "reject_on_worker_lost": True,
        "ignore_result": True,
    }
    for name, value in wanted.items():
        if getattr(task, name) != value:
            yield Problem(
                f"task_annotations.{name}",
                _("the task `passpost.send` requires {value}", value=f"`{value}`"),
                _("exclude `passpost.send` from the annotation"),
                code="celery-E5",
            )
