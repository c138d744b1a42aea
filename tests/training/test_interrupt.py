"""Ctrl-C is not lost where Python forgets it."""

import signal

import pytest

from flowexport.training.interrupt import heard


class Deaf:
    """An object whose end forgets an interrupt, as every finaliser does."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_in_a_finaliser_is_heard_at_the_next_check() -> None:
    with heard() as interrupt:
        interrupt.check()
        Deaf()
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()


def test_an_ordinary_interrupt_is_raised_at_once_and_the_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), heard():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
