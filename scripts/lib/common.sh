# Shared by every script: where the project is, and how its environments are made.
# Sourced, never run. Each environment is a folder below .venvs that carries a stamp of what it
# was made from, so that making it again costs nothing while nothing changed.
set -euo pipefail

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TOOLS="$PROJECT/.tools"
VENVS="$PROJECT/.venvs"
UV="$TOOLS/bin/uv"
UV_VERSION=0.13.9
PYTHON_MINIMUM=3.14.2
HARNESS=pytest-homeassistant-custom-component
# That of the oldest Home Assistant this integration supports: 2026.9.4.
FLOOR_HARNESS=0.13.367
# The newest Home Assistant, betas included: uv takes these only of a package whose bound is one.
OR_BETA='homeassistant>=2026.9.0b0'

# Which dependency groups of pyproject.toml make up which environment; what else belongs to it is
# installed by its `finish_…` below.
declare -A ENVIRONMENTS=(
  [test]="test lint"
  [floor]="test-tools"
  [newest]="test-tools"
  [beta]="test-tools"
  [server]="server"
  [newest_server]="server-tools"
  [beta_server]="server-tools"
  [peers]="peers"
  [benchmark]="test public-clients"
)

# One index decides; a user's extra settings must not change what is installed.
export UV_NO_CONFIG=1 UV_NO_PROGRESS=1 UV_LINK_MODE=hardlink PYTHONDONTWRITEBYTECODE=

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# Put uv from the package index into .tools.
ensure_uv() {
  [ -x "$UV" ] && [ "$("$UV" --version | cut -d' ' -f2)" = "$UV_VERSION" ] && return
  command -v python3 >/dev/null || die "python3 is needed to fetch uv; install it and run this again"
  say "setup: fetching uv $UV_VERSION"
  # A private Python beside it stays: the environments point to it.
  rm -rf "$TOOLS"/{bin,include,lib,lib64,share,pyvenv.cfg}
  python3 -m venv "$TOOLS" || die "python3 -m venv failed; on Debian install python3-venv"
  "$TOOLS/bin/python" -m pip --quiet --disable-pip-version-check install "uv==$UV_VERSION" 2>/dev/null ||
    "$TOOLS/bin/python" -m pip install "uv==$UV_VERSION"
}

# Print the path of a new enough Python, getting one when there is none.
ensure_python() {
  local remembered="$TOOLS/python-path" found
  if [ -f "$remembered" ] && "$(cat "$remembered")" -c '' 2>/dev/null; then
    cat "$remembered"
    return
  fi
  if ! found=$("$UV" python find --no-project ">=$PYTHON_MINIMUM" 2>/dev/null); then
    if "$UV" python install --quiet 3.14 >/dev/null 2>&1; then
      found=$("$UV" python find --no-project ">=$PYTHON_MINIMUM")
    elif command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
      found=$("$PROJECT/scripts/lib/private-python" "$TOOLS/python")
    else
      die "Python $PYTHON_MINIMUM or newer is needed and none could be fetched; install it and run this again"
    fi
  fi
  printf '%s\n' "$found" >"$remembered"
  printf '%s\n' "$found"
}

# ensure_env NAME...: these environments, each in .venvs/NAME, made or brought up to date if need be.
ensure_env() {
  local name
  for name in "$@"; do
    [ -n "${ENVIRONMENTS[$name]:-}" ] ||
      die "there is no environment '$name'; there are: $(printf '%s\n' "${!ENVIRONMENTS[@]}" | sort | xargs)"
    env_is_current "$name" && continue
    mkdir -p "$VENVS"
    exec 9>"$VENVS/.lock"
    flock 9
    # Another script may have made it while this one waited.
    env_is_current "$name" || make_env "$name"
    exec 9>&-
  done
}

env_is_current() {
  local env="$VENVS/$1"
  [ -x "$env/bin/python" ] && [ -f "$env/.stamp" ] && [ "$(<"$env/.stamp")" = "$(env_stamp "$1")" ]
}

# Print a hash of everything that decides what is in an environment.
env_stamp() {
  (
    cd "$PROJECT"
    shopt -s nullglob
    printf '%s\n' "$UV_VERSION" "${ENVIRONMENTS[$1]}"
    case $1 in
      floor) printf '%s\n' "$FLOOR_HARNESS" ;;
      # What is newest is looked up once a day.
      newest* | beta*) date +%F ;;
    esac
    case $1 in
      *server) cat scripts/lib/component-requirements custom_components/*/manifest.json ;;
    esac
    sed -n '/^\[dependency-groups\]/,/^\[/p' pyproject.toml
    declare -f "finish_$1" || true
  ) | sha256sum
}

make_env() {
  local env="$VENVS/$1" stamp python group groups=()
  stamp=$(env_stamp "$1")
  ensure_uv
  python=$(ensure_python)
  say "setup: making the environment '$1'"
  [ -x "$env/bin/python" ] || { rm -rf "$env"; "$UV" venv --quiet --python "$python" "$env"; }
  for group in ${ENVIRONMENTS[$1]}; do groups+=(--group "$PROJECT/pyproject.toml:$group"); done
  pip_install "$env" "${groups[@]}"
  if declare -F "finish_$1" >/dev/null; then "finish_$1" "$env"; fi
  printf '%s' "$stamp" >"$env/.stamp"
}

pip_install() {
  local env=$1
  shift
  "$UV" pip install --quiet --python "$env/bin/python" "$@"
}

# zbar, which reads the codes of labels, is a library of the system. Where that has none, this
# environment's Python is told of one of our own: it searches where the system's linker does.
ensure_zbar() {
  local loads=("$1/bin/python" -c 'import pyzbar.pyzbar') zbar="$TOOLS/zbar/libzbar.so.0" hook packages
  "${loads[@]}" 2>/dev/null && return
  if [ ! -e "$zbar" ]; then
    command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
      die "the library zbar is needed and was not found; install it and run this again"
    "$PROJECT/scripts/lib/private-zbar" "$TOOLS/zbar"
  fi
  hook="import ctypes.util as u; u.find_library = lambda name, find=u.find_library:"
  for packages in "$1"/lib/python3*/site-packages; do
    printf '%s "%s" if name == "zbar" else find(name)\n' "$hook" "$zbar" >"$packages/zbar.pth"
  done
  "${loads[@]}" || die "the library zbar cannot be loaded; install it and run this again"
}

finish_test() {
  ensure_zbar "$1"
}

finish_floor() {
  pip_install "$1" "$HARNESS==$FLOOR_HARNESS"
  ensure_zbar "$1"
}

# The newest release of Home Assistant that has a harness, with that harness.
finish_newest() {
  pip_install "$1" --upgrade "$HARNESS"
  ensure_zbar "$1"
}

# The same, or that of a beta, if that is newer.
finish_beta() {
  pip_install "$1" --upgrade "$HARNESS" "$OR_BETA"
  ensure_zbar "$1"
}

# What Home Assistant would install while it starts, so that it installs nothing then.
finish_server() {
  local core requirements
  core=$("$1/bin/python" -c 'import homeassistant; print(*homeassistant.__path__)')
  requirements=$("$1/bin/python" "$PROJECT/scripts/lib/component-requirements" "$PROJECT/custom_components")
  pip_install "$1" --constraint "$core/package_constraints.txt" --requirement - <<<"$requirements"
  ensure_zbar "$1"
}

finish_newest_server() {
  pip_install "$1" --upgrade homeassistant
  finish_server "$1"
}

finish_beta_server() {
  pip_install "$1" --upgrade "$OR_BETA"
  finish_server "$1"
}

# Its metadata asks for an older pydantic than it works with.
finish_peers() {
  pip_install "$1" --no-deps --group "$PROJECT/pyproject.toml:peers-without-dependencies"
}

# The public clients beside Home Assistant's harness, whose pydantic they work with as well.
finish_benchmark() {
  finish_peers "$1"
  ensure_zbar "$1"
}
