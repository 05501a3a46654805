from pytest_passpost import *  # noqa: F403 - this module has every name of that one
