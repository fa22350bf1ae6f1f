"""A ShopXO site's settings, users, captchas and codes."""

from dataclasses import dataclass, field
from html import escape
from typing import Any

from simulator.cloud import digest
from simulator.picture import draw, gif
from simulator.simulation import Message, Simulation

LETTERS = "abxdefghjkmnprstuvwxy"
DIGITS = "23456789"
TYPES = ("username", "sms", "email")
# The field that holds a user's name of each type.
COLUMNS = {"username": "username", "sms": "mobile", "email": "email"}

# The blanks of PHP's trim().
BLANKS = " \t\n\r\0\v"
# Lengths of columns, in characters.
LENGTHS = {"nickname": 60, "email": 60}

NORMAL = 0
LOCKED = 2
IN_REVIEW = 3
WRONG_CODES = 6


@dataclass
class User:
    """A customer, with one token per platform."""

    id: int
    username: str = ""
    mobile: str = ""
    email: str = ""
    nickname: str = ""
    status: int = NORMAL
    password_digest: str = field(default="", repr=False)
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def set_password(self, password: str) -> None:
        """Set a password, which went through the request filter. Blanks around it do not count."""
        self.password_digest = digest(password.strip(BLANKS))

    def has_password(self, password: str) -> bool:
        """Return whether the password is right."""
        return self.password_digest == digest(password.strip(BLANKS))

    def as_json(self) -> dict[str, Any]:
        """Return the user as JSON, without secrets."""
        return {
            "id": self.id,
            "username": self.username,
            "mobile": self.mobile,
            "email": self.email,
            "nickname": self.nickname,
            "status": self.status,
            "signed_in": sorted(self.tokens),
        }


@dataclass
class Secret:
    """A captcha's answer or a code that was sent."""

    value: str
    time: float
    wrong: int = 0


class ShopxoState:
    """A site's state."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.users: dict[int, User] = {}
        self.register_types = list(TYPES)
        self.login_types = list(TYPES)
        # Where the site's agreements are: for registering, and about privacy.
        self.agreements = (
            "http://shop.example/agreement/register.html",
            "http://shop.example/agreement/privacy.html",
        )
        self.register_picture = True
        self.login_picture = True
        self.code_picture = True
        self.review = False
        self.closed_reason = ""
        self.forbidden_names: set[str] = set()
        # Database errors when adding a user, and the actions that throw, with the exception's text.
        self.adding_fails = False
        self.throwing: dict[str, str] = {}
        # Whether the database refuses what is too long for a column, or cuts it.
        self.strict_database = True
        # Version 2 knows one language, and one number for whatever is taken.
        self.version_2 = False
        # Why messages cannot be sent; empty if they can.
        self.sending_fails = ""
        self.picture_characters = DIGITS
        self.code_lifetime = 600
        self.resend_pause = 60
        # PHP did not escape apostrophes before 8.1.
        self.escapes_apostrophes = True
        # Versions differ in whether ids are strings, and in the data of refusals.
        self.ids_as_text = False
        self.no_data: object = ""
        self._pictures: dict[tuple[str, str], Secret] = {}
        self._codes: dict[str, Secret] = {}
        self._next_id = 1

    def filtered(self, value: str) -> str:
        """Return a parameter after the site's request filter, which strips nothing."""
        escaped = escape(value, quote=True)
        return escaped if self.escapes_apostrophes else escaped.replace("&#x27;", "'")

    # Users

    def add_user(
        self,
        *,
        username: str = "",
        mobile: str = "",
        email: str = "",
        password: str = "",
        nickname: str = "",
        status: int = NORMAL,
    ) -> User:
        """Add a user; ValueError if all names are empty or one is taken."""
        named = {"username": username, "mobile": mobile, "email": email}
        if not any(named.values()):
            raise ValueError("a user needs a username, a mobile number or an e-mail address")
        for column, value in named.items():
            if value and self.find(value, column):
                raise ValueError(f"{value} is taken")
        user = User(self._next_id, username, mobile, email, nickname, status)
        if password:
            user.set_password(self.filtered(password))
        self._next_id += 1
        self.users[user.id] = user
        return user

    def approve(self, name: str) -> User:
        """Approve a user under review; KeyError if there is no such user."""
        if (user := self.find(name)) is None:
            raise KeyError(name)
        user.status = NORMAL
        return user

    def find(self, name: str, column: str = "username|mobile|email") -> User | None:
        """Return the user with a name, which is not case-sensitive."""
        for user in self.users.values():
            if any(getattr(user, one).lower() == name.lower() for one in column.split("|")):
                return user
        return None

    def user_of(self, token: str) -> User | None:
        """Return the user that a token belongs to."""
        return next((user for user in self.users.values() if token in user.tokens.values()), None)

    def sign_in(self, user: User, platform: str) -> str:
        """Create a token, which replaces the platform's earlier one."""
        number = self.simulation.random.getrandbits(128)
        user.tokens[platform] = f"{number:032x}"
        return user.tokens[platform]

    # Captchas

    def new_picture(self, kind: str, key: str) -> bytes:
        """Create a captcha, which replaces an earlier one of this kind and key."""
        answer = "".join(self.simulation.random.choices(self.picture_characters, k=4))
        self._pictures[kind, key] = Secret(answer, self.simulation.now())
        # Keep the newest one last.
        self.simulation.captchas.pop(key, None)
        self.simulation.captchas[key] = answer
        return gif(draw(answer, 100, 28))

    def picture(self, kind: str, key: str) -> Secret | None:
        """Return a captcha's answer unless it has expired; reading does not spend it."""
        secret = self._pictures.get((kind, key))
        return secret if secret is not None and self._lives(secret) else None

    def spend_picture(self, kind: str, key: str) -> None:
        """Remove a captcha."""
        self._pictures.pop((kind, key), None)
        self.simulation.captchas.pop(key, None)

    # Codes

    def send_code(self, purpose: str, account: str, to: str) -> bool:
        """Send a code of four digits, unless the last one is too recent."""
        key = f"{purpose}_{account}"
        last = self._codes.get(key)
        if last is not None and self.simulation.now() - last.time < self.resend_pause:
            return False
        code = f"{self.simulation.random.randrange(10000):04}"
        self._codes[key] = Secret(code, self.simulation.now())
        self.simulation.mailbox.append(Message(self.simulation.now(), "shopxo", to, purpose, code))
        return True

    def code_known(self, purpose: str, account: str) -> bool:
        """Return whether a code was sent that has not expired."""
        secret = self._codes.get(f"{purpose}_{account}")
        return secret is not None and self._lives(secret)

    def code_right(self, purpose: str, account: str, typed: str) -> bool:
        """Return whether a code is right; after six wrong ones none is, and it is gone."""
        secret = self._codes[f"{purpose}_{account}"]
        if secret.wrong >= WRONG_CODES:
            self.spend_code(purpose, account)
            return False
        secret.wrong += secret.value != typed
        return secret.value == typed

    def spend_code(self, purpose: str, account: str) -> None:
        """Remove a code."""
        self._codes.pop(f"{purpose}_{account}", None)

    def _lives(self, secret: Secret) -> bool:
        return self.simulation.now() <= secret.time + self.code_lifetime
