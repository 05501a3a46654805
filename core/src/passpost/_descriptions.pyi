from passpost_tools.descriptions import *  # noqa: F403 - this module has every name of that one
