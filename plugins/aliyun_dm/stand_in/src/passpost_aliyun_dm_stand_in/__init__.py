"""A server on loopback that stands in for Alibaba Cloud Direct Mail."""

from passpost_aliyun_dm_stand_in.server import StandIn

__all__ = ["StandIn"]
