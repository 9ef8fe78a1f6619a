"""Names of things, each its own type so that one cannot be passed for another."""

from typing import NewType

AccountId = NewType("AccountId", str)
SiteId = NewType("SiteId", str)
DeviceId = NewType("DeviceId", str)
ActionId = NewType("ActionId", str)
CommandId = NewType("CommandId", str)
CampaignId = NewType("CampaignId", str)
KeyId = NewType("KeyId", str)
UserId = NewType("UserId", str)
TagName = NewType("TagName", str)
