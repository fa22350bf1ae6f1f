"""Growatt's endpoints for end users.

Source: ShowDoc 262556420217021, pages 1494056540800578 (register), 1494057478651903 (modify),
1494057808771611 (check) and 1494058357406324 (list).
"""

from typing import Any

from .api import FIVE_MINUTES, PER_DAY, ApiError, Call, endpoint
from .model import User, vendor_time


def _agent_code(call: Call) -> str:
    code = call.text("agentCode")
    if code and code not in call.cloud.installer_codes:
        raise ApiError(10014, "installer coding error")
    return code


@endpoint("POST", "user/user_register", permission="register")
def register(call: Call) -> dict[str, Any]:
    """Create an end user under the token's merchant."""
    name = call.required("user_name", 10002, "username or password is empty")
    password = call.required("user_password", 10002, "username or password is empty")
    email = call.required("user_email", 10004, "user mailbox is empty")
    user_type = call.integer("user_type", 10006, "user type is empty")
    # Required by the page, which gives no code for its absence.
    country = call.required("user_country", 10001, "error_system")
    agent_code = _agent_code(call)
    if call.cloud.user_named(name) is not None:
        raise ApiError(10003, "username already exists")
    user = call.cloud.add_user(
        name,
        email,
        password=password,
        merchant=call.token.merchant,
        country=country,
        user_type=user_type,
        tel=call.text("user_tel"),
        agent_code=agent_code,
        time_zone=call.text("time"),
    )
    return {"c_user_id": user.user_id}


@endpoint("POST", "user/check_user")
def check(call: Call) -> str:
    """Say whether a name is free; names are unique on the whole server."""
    name = call.required("user_name", 10002, "username is empty")
    if call.cloud.user_named(name) is not None:
        raise ApiError(10003, "username already exists")
    return ""


@endpoint("POST", "user/modify")
def modify(call: Call) -> str:
    """Change an end user's telephone number and installer code."""
    user_id = call.integer("c_user_id", 10002, "user id is empty")
    if user_id not in call.cloud.users:
        raise ApiError(10003, "user does not exist")
    user = call.user(user_id, 10004)
    # Required by the page, which gives no code for its absence.
    mobile = call.required("mobile", 10001, "error_system")
    user.agent_code = _agent_code(call) or user.agent_code
    user.tel = mobile
    return ""


def _listed(user: User) -> dict[str, Any]:
    return {
        "c_user_id": user.user_id,
        "c_user_name": user.name,
        "c_user_email": user.email,
        "c_user_tel": user.tel,
        "c_user_regtime": vendor_time(user.registered),
    }


@endpoint("GET", "user/c_user_list", interval=FIVE_MINUTES, per_day=PER_DAY)
def list_users(call: Call) -> dict[str, Any]:
    """List the end users under the merchant; an end user's own token has none."""
    if call.token.kind != "installer":
        raise ApiError(10011, "error_permission_denied")
    users = [
        user for user in call.cloud.users.values() if call.cloud.may_see_user(call.token, user)
    ]
    return {
        "count": len(users),
        "c_user": [_listed(user) for user in call.paged(users)],
    }
