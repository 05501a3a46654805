from passpost_http import *  # noqa: F403 - this module has every name of that one
