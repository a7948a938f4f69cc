"""Tags of windows, as the conditions of policies see them."""

from __future__ import annotations

from services.ssm.windows.world import World

from stepwell.services import ssm


def test_a_windows_tags_are_known_by_its_arn(world: World) -> None:
    window = world.window(Tags=[{"Key": "team", "Value": "ml"}])
    arn = f"arn:aws:ssm:us-east-1:000000000000:maintenancewindow/{window}"
    assert world.server.read(lambda view: ssm.tags_of(view, arn)) == {"team": "ml"}
    assert world.server.read(lambda view: ssm.tags_of(view, f"{arn}0")) == {}
    named = {"ResourceType": "MaintenanceWindow", "ResourceId": window}
    world.call("RemoveTagsFromResource", **named, TagKeys=["team"])
    assert world.server.read(lambda view: ssm.tags_of(view, arn)) == {}
