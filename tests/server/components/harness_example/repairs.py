"""A fix that only has to be confirmed."""

from typing import TYPE_CHECKING, Any

from homeassistant.components.repairs import ConfirmRepairFlow

if TYPE_CHECKING:
    from homeassistant.components.repairs import RepairsFlow
    from homeassistant.core import HomeAssistant


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Return the fix."""
    return ConfirmRepairFlow()
