"""A strict imitation of Direct Mail, for `passpost_aliyun_dm.stand_in`.

It shares no code with the connector, so that a mistake in one is not made good by the other; it is
held to the published signatures and to the official SDK by the tests of this package.
"""
