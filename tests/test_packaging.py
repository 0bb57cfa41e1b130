"""The files that ship the service: image, containers, locks, make. No engine runs here."""

import fnmatch
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PIN = re.compile(
    r"([a-z0-9.-]+)(?:\[[\w,-]+\])?==([\w.+!]+)"  # name[extra]==version
    r"( ; [^-]+?)?(?: +--hash=sha256:[0-9a-f]{64})+ *"  # ; marker --hash=… --hash=…
)


def stages_of(text):
    """Return the stages of a Dockerfile, each a list of (instruction, arguments)."""
    logical = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    stages = []
    for line in filter(None, map(str.strip, logical.splitlines())):
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            stages.append([])
        stages[-1].append((instruction, re.sub(r"\s+", " ", rest)))
    return stages


@pytest.fixture(scope="module")
def stages():
    return stages_of((ROOT / "Dockerfile").read_text())


@pytest.fixture(scope="module")
def image(stages):
    """The instructions of the image that ships."""
    return stages[-1]


def the(instructions, name):
    """Return the arguments of the only instruction of this name."""
    [rest] = [rest for instruction, rest in instructions if instruction == name]
    return rest


def test_the_image_is_slim_and_of_a_python_that_the_project_supports(stages):
    versions = [re.match(r"python:3\.(\d+)-slim", the(stage, "FROM")) for stage in stages]

    assert len(stages) == 2
    assert all(version and int(version[1]) >= 11 for version in versions)


def test_the_image_installs_locked_requirements_only(stages):
    installs = [rest for stage in stages for _, rest in stage if "pip install" in rest]

    assert len(installs) == 1
    assert "--require-hashes -r requirements.txt" in installs[0]


def test_the_image_does_not_run_as_root(image):
    names = [name for name, _rest in image]

    assert the(image, "USER") not in {"root", "0"}
    assert names.index("USER") > max(at for at, name in enumerate(names) if name == "RUN")


def test_the_image_asks_its_own_python_for_its_health(image):
    command = json.loads(the(image, "HEALTHCHECK").split("CMD", 1)[1])

    assert command[:2] == ["python", "-c"]
    assert "/healthz" in command[2]
    compile(command[2], "HEALTHCHECK", "exec")


def test_the_image_serves_and_leaves_migrating_to_an_explicit_command(image):
    assert json.loads(the(image, "CMD")) == ["gunicorn", "-c", "config/gunicorn.py"]
    assert "ENTRYPOINT" not in dict(image)
    assert not any("migrate" in rest for _, rest in image)


def test_the_image_keeps_its_data_in_a_volume(image):
    assert the(image, "VOLUME") == "/data"
    assert any("/data" in rest for name, rest in image if name == "RUN")


def test_everything_that_the_image_copies_exists_and_is_not_ignored(stages):
    rules = (ROOT / ".dockerignore").read_text().split()
    wanted = [rule.removeprefix("!").rstrip("/") for rule in rules if rule.startswith("!")]
    copied = [
        source
        for stage in stages
        for name, rest in stage
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]

    assert {"requirements.txt", "wsgi.py", "config", "loyalty", "migrations"} == set(copied)
    for source in copied:
        assert (ROOT / source).exists()
        assert any(fnmatch.fnmatch(source, pattern) for pattern in wanted)


def test_gunicorn_accepts_its_configuration_and_finds_the_application(tmp_path):
    environment = {
        **os.environ,
        "LOYALTY_DATABASE_URL": f"sqlite:///{tmp_path}/loyalty.db",
        "LOYALTY_SECRET_KEY": "a-secret-that-only-tests-know-of",
        "LOYALTY_BASE_URL": "http://localhost:8000",
        "LOYALTY_METRICS_DIR": str(tmp_path),
        "LOYALTY_WEB_WORKERS": "3",
    }

    told = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "--print-config"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert told.returncode == 0, told.stderr
    settings = dict(re.findall(r"^(\w+) += (.*)$", told.stdout, re.MULTILINE))
    assert settings["wsgi_app"] == "wsgi:app"
    assert settings["workers"] == "3"
    assert settings["control_socket_disable"] == "True"
    assert settings["accesslog"] == "None"


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_compose_runs_two_webs_a_worker_and_postgresql(services):
    assert set(services) == {"postgres", "migrate", "web", "worker"}
    assert services["postgres"]["image"] == "postgres:16"
    assert services["worker"]["command"] == ["flask", "loyalty", "worker"]
    replicas = services["web"]["deploy"]["replicas"]
    first, last = map(int, services["web"]["ports"][0].split(":")[0].split("-"))
    assert replicas == 2
    assert last - first + 1 == replicas


def test_compose_migrates_once_before_anything_serves(services):
    assert services["migrate"]["command"] == ["flask", "loyalty", "migrate"]
    assert services["migrate"]["restart"] == "no"
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in ("web", "worker"):
        condition = services[name]["depends_on"]["migrate"]["condition"]
        assert condition == "service_completed_successfully"


def test_compose_holds_no_secret_of_its_own(services):
    for name in ("migrate", "web", "worker"):
        environment = services[name]["environment"]
        assert environment["LOYALTY_SECRET_KEY"].startswith("${LOYALTY_SECRET_KEY:?")
        assert ":${POSTGRES_PASSWORD:?" in environment["LOYALTY_DATABASE_URL"]
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWOR")


def test_every_setting_in_compose_is_one_that_the_service_reads(services):
    from config import Settings  # noqa: PLC0415

    known = {f"LOYALTY_{name.upper()}" for name in Settings.__dataclass_fields__}

    assert set(services["web"]["environment"]) <= known


def pins_of(name):
    """Return versions by package and marker from a lock; check that each has its hashes."""
    pins = {}
    for entry in re.sub(r"\\\n", " ", (ROOT / name).read_text()).splitlines():
        if not entry.strip() or entry.lstrip().startswith("#"):
            continue
        pin = PIN.fullmatch(entry)
        assert pin, f"{name} has a line that is no pinned, hashed requirement: {entry[:80]}"
        pins[pin[1], pin[3]] = pin[2]
    return pins


def wanted_by(name):
    """Return the packages that a person wrote into requirements*.in."""
    lines = (ROOT / name).read_text().splitlines()
    return {re.match(r"[\w.-]+", line)[0].lower() for line in lines if line and line[0] not in "#-"}


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_a_lock_pins_all_that_is_wanted_and_names_no_registry(name):
    packages = {package for package, _marker in pins_of(f"{name}.txt")}

    assert wanted_by(f"{name}.in") <= packages
    assert "://" not in (ROOT / f"{name}.txt").read_text()


def test_development_runs_on_what_ships():
    shipped, developed = pins_of("requirements.txt"), pins_of("requirements-dev.txt")

    assert {key: developed.get(key) for key in shipped} == shipped


def test_make_explains_itself():
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)

    for target in ("run", "test", "sure", "bench", "lock", "fmt", "migration", "help"):
        assert re.search(rf"^  make {target} +\w", told.stdout, re.MULTILINE)


def test_ci_runs_what_a_person_runs():
    assert "make --no-print-directory sure" in (ROOT / ".ci/run").read_text()
    assert os.access(ROOT / ".ci/run", os.X_OK)
