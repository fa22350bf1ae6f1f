"""The plants of accounts that the token's own list does not show yet."""

import asyncio

from homeassistant.exceptions import HomeAssistantError

from tests.home import Home


async def test_plants_of_many_customers(home: Home) -> None:
    """What the limits keep from being read is not empty: who creates then has two of each."""
    account = {"config_entry_id": home.entry.entry_id}
    await home.call("list_plants", **account)
    users = [home.growatt.add_user(f"old-{n}", f"old{n}@example.com") for n in range(12)]
    for user in users:
        home.growatt.add_plant(user.user_id, "Home")
    await home.call("list_accounts", **account)
    ids = [str(user.user_id) for user in users]
    linked = (await home.call("link_account", **account, account_id=ids))["results"]
    told, errors = [], []
    for result in linked:
        try:
            told.append(await home.call("list_plants", config_entry_id=result["config_entry_id"]))
        except HomeAssistantError as err:
            errors.append(err)
    assert [[plant["name"] for plant in one["plants"]] for one in told] == [["Home"]] * 10
    # The rest says when to try again.
    assert [err.translation_key for err in errors] == ["not_now", "not_now"]
    # Those seen last are listed in between.
    first = {"config_entry_id": linked[0]["config_entry_id"]}
    assert await home.call("list_plants", **first) == told[0]
    await asyncio.sleep(310)
    for result in linked:
        listed = await home.call("list_plants", config_entry_id=result["config_entry_id"])
        assert [plant["name"] for plant in listed["plants"]] == ["Home"]


async def test_a_plant_that_is_new_is_one_of_those_seen_last(home: Home) -> None:
    """The token's list shows it later than it is there."""
    account = {"config_entry_id": home.entry.entry_id}
    new = {"username": "new", "password": "Not-a-real-one-1", "email": "n@example.com"}
    made = await home.call("register_account", **account, **new, country="NL")
    theirs = {"config_entry_id": made["config_entry_id"]}
    assert (await home.call("list_plants", **theirs)) == {"plants": []}
    plant = await home.call("create_plant", **theirs, name="Roof", peak_power=4)
    home.faults.add("plant/list", kind="data_empty", times=None)
    await asyncio.sleep(60)
    assert (await home.call("list_plants", **theirs)) == {"plants": [plant]}
    await asyncio.sleep(310)
    assert (await home.call("list_plants", **theirs)) == {"plants": [plant]}
