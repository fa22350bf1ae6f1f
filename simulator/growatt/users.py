"""Growatt's endpoints for end users.

Source: ShowDoc 262556420217021, pages 1494056540800578 (register), 1494057478651903 (modify),
1494057808771611 (check) and 1494058357406324 (list).
"""

from typing import Any

from .api import FIVE_MINUTES, PER_DAY, ApiError, GrowattRequest, endpoint
from .model import User, vendor_time


def _agent_code(request: GrowattRequest) -> str:
    code = request.text("agentCode")
    if code and code not in request.state.installer_codes:
        raise ApiError(10014, "installer coding error")
    return code


@endpoint("POST", "user/user_register", permission="register")
def register(request: GrowattRequest) -> dict[str, Any]:
    """Create an end user of the token's merchant."""
    name = request.required("user_name", 10002, "username or password is empty")
    password = request.required("user_password", 10002, "username or password is empty")
    email = request.required("user_email", 10004, "user mailbox is empty")
    user_type = request.integer("user_type", 10006, "user type is empty")
    # Required, but no code is documented for its absence.
    country = request.required("user_country", 10001, "error_system")
    agent_code = _agent_code(request)
    if request.state.user_named(name) is not None:
        raise ApiError(10003, "username already exists")
    user = request.state.add_user(
        name,
        email,
        password=password,
        merchant=request.token.merchant,
        country=country,
        user_type=user_type,
        tel=request.text("user_tel"),
        agent_code=agent_code,
        time_zone=request.text("time"),
    )
    return {"c_user_id": user.user_id}


@endpoint("POST", "user/check_user")
def check(request: GrowattRequest) -> str:
    """Check whether a name is free on the whole server."""
    name = request.required("user_name", 10002, "username is empty")
    if request.state.user_named(name) is not None:
        raise ApiError(10003, "username already exists")
    return ""


@endpoint("POST", "user/modify")
def modify(request: GrowattRequest) -> str:
    """Change an end user's phone number and installer code."""
    user_id = request.integer("c_user_id", 10002, "user id is empty")
    if user_id not in request.state.users:
        raise ApiError(10003, "user does not exist")
    user = request.user(user_id, 10004)
    # Required, but no code is documented for its absence.
    mobile = request.required("mobile", 10001, "error_system")
    user.agent_code = _agent_code(request) or user.agent_code
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
def list_users(request: GrowattRequest) -> dict[str, Any]:
    """List the merchant's end users; the token of an end user has none."""
    merchant = request.token.kind == "installer"
    if not (merchant or request.state.end_users_may_list):
        raise ApiError(10011, "error_permission_denied")
    users = [
        user
        for user in request.state.users.values()
        if merchant and request.state.may_see_user(request.token, user)
    ]
    return {
        "count": len(users),
        "c_user": request.shown([_listed(user) for user in request.paged(users)]),
    }
