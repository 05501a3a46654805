"""Mailer in processes that fork, and in interpreters that exit."""

from __future__ import annotations

import os
import sys

import pytest

from .programs import both_loops, run


@both_loops
def test_what_is_open_at_exit_is_closed_and_later_sends_are_refused(*, uvloop: bool) -> None:
    ran = run(
        """
        mailer, other = make(), make()
        mailer.send(message)

        def late(mailer):
            try:
                print(mailer.send(message).provider_id)
            except passpost.MailerClosedError as error:
                print(error)

        # They run in reverse order, so these come after passpost's own.
        from passpost._mailers import loop_thread
        atexit.unregister(loop_thread._close_at_exit)
        atexit.register(late, other)
        atexit.register(late, mailer)
        atexit.register(loop_thread._close_at_exit)
        """,
        uvloop=uvloop,
    )
    refused = "the interpreter is exiting\n"
    assert (ran.stdout, ran.stderr) == ("left\n" + refused + refused, "")


@pytest.mark.parametrize("used", [True, False])
def test_a_send_of_a_finalizer_at_the_end_of_the_interpreter_is_refused(*, used: bool) -> None:
    ran = run(
        f"""
        mailer = make()
        if {used}:
            mailer.send(message)

        class Last:
            def __del__(self, mailer=mailer, message=message, closed=passpost.MailerClosedError):
                try:
                    mailer.send(message)
                except closed as error:
                    print(error, flush=True)

        last = Last()
        last.itself = last
        """
    )
    left = "left\n" if used else ""
    assert (ran.stdout, ran.stderr) == (left + "the interpreter is exiting\n", "")


@both_loops
@pytest.mark.parametrize("first", [True, False])
def test_sends_while_the_interpreter_exits(*, uvloop: bool, first: bool) -> None:
    """From a function for the exit, and from a thread that outlives the main one."""
    ran = run(
        f"""
        mailer = make()
        if not {first}:
            mailer.send(message)

        def late():
            threading.main_thread().join()
            attempt("thread")

        def attempt(name):
            try:
                print(name, mailer.send(message).provider_id)
            except passpost.MailerClosedError:
                print(name, "closed")
            except passpost.SendError as error:
                print(name, error.outcome)

        atexit.register(attempt, "exit")
        threading.Thread(target=late).start()
        """,
        uvloop=uvloop,
    )
    assert (ran.stderr, ran.returncode) == ("", 0)
    lines = ran.stdout.splitlines()
    if sys.version_info < (3, 12):
        assert lines == ["thread sent", "exit sent", "left"]
    # Later versions start no thread at exit, and some none for threads that outlive the main one.
    assert set(lines) <= {"thread sent", "thread closed", "exit sent", "exit closed", "left"}


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")


@needs_fork
@both_loops
def test_a_child_that_used_the_mailer_ends_without_noise(*, uvloop: bool) -> None:
    ran = run(
        """
        mailer = make()
        mailer.send(message)
        for closes in (False, True, False):
            child = os.fork()
            if not child:
                gc.collect()
                print("child", mailer.send(message).provider_id, flush=True)
                if closes:
                    mailer.close()
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
            # The child has not taken the parent's loop and sessions apart.
            print("parent", mailer.send(message).provider_id, flush=True)
        """,
        uvloop=uvloop,
    )
    each = ["child sent", "left", "parent sent"]
    assert (ran.stdout.splitlines(), ran.stderr, ran.returncode) == ([*each * 3, "left"], "", 0)


@needs_fork
def test_processes_of_a_pool_have_loops_of_their_own() -> None:
    ran = run("""
        import multiprocessing

        mailer = make()
        mailer.send(message)

        def job(_):
            return mailer.send(message).provider_id

        with multiprocessing.get_context("fork").Pool(3) as pool:
            print(set(pool.map(job, range(20))))
        mailer.send(message)
        mailer.close()
    """)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("{'sent'}\nleft\n", "", 0)
