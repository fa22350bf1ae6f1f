from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN

async def test_all(hass: HomeAssistant, simulator: Simulator):
    flow = hass.config_entries.flow
    r = await flow.async_init("growatt_onboarding", context={"source": SOURCE_USER})
    print(r)
    r = await flow.async_configure(r["flow_id"], {"server": simulator.url, "token": "x"*32})
    print(r["errors"], r["description_placeholders"])
    r = await flow.async_configure(r["flow_id"], {"server": simulator.url, "token": INSTALLER_TOKEN})
    print(r)
    r = await flow.async_configure(r["flow_id"], {"next_step_id": "register"})
    print(r)
    r = await flow.async_configure(r["flow_id"], {"username": "alice", "password": "secret-1", "email": "a@example.com", "country": "NL"})
    print(r)
    import asyncio
    while r["type"] == "progress":
        await hass.async_block_till_done(wait_background_tasks=False)
        await asyncio.sleep(0.1)
        r = await flow.async_configure(r["flow_id"])
    print(r)
    sub = hass.config_entries.subentries
    r = await sub.async_configure(r["next_flow"][1])
    print(r)
    simulator.growatt.add_device("SIM0000001", online=True)
    r = await sub.async_configure(r["flow_id"], {"name": "Home", "peak_power": 5})
    print(r)
    r = await sub.async_configure(r["flow_id"], {"serial_numbers": "sim0000001"})
    print(r)
    while r["type"] == "progress":
        await asyncio.sleep(0.1)
        r = await sub.async_configure(r["flow_id"])
    print(r)
    print([ (s.entity_id, s.state) for s in hass.states.async_all()])
    await asyncio.sleep(7)
    print([ (s.entity_id, s.state) for s in hass.states.async_all()])
    for c in simulator.calls: print(c)
