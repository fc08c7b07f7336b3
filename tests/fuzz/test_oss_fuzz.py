# SPDX-License-Identifier: BSD-2-Clause
"""contrib/oss-fuzz: its build.sh makes what OSS-Fuzz runs, in folders of a test's own and with the clang of this machine."""
import os
import re
import shutil
import subprocess
import zipfile

import pytest
import yaml
from support import sluice

HERE = sluice.TOP / "contrib/oss-fuzz"
TARGETS = set(re.findall(r"^\s+'(\w+)',$", (sluice.TOP / "tests/fuzz/meson.build").read_text(), re.M))


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("oss-fuzz")
    (folder / "src").mkdir()
    (folder / "src/sluice").symlink_to(sluice.TOP)
    env = {**os.environ, "SRC": str(folder / "src"), "OUT": str(folder / "out"), "WORK": str(folder / "work"), "CC": "clang", "LIB_FUZZING_ENGINE": "-fsanitize=fuzzer",
           "CFLAGS": "-O1 -gline-tables-only -fsanitize=address,fuzzer-no-link", "SLUICE_FUZZ_JOBS": "2"}
    done = subprocess.run(["bash", "-eu", HERE / "build.sh"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    yield folder / "out"
    shutil.rmtree(folder)


def test_each_target_has_its_seeds_and_words_and_runs_from_there_alone(out):
    built = {path.name.removeprefix("fuzz_") for path in out.glob("fuzz_*") if not path.suffix}
    assert {name.removesuffix("_seed_corpus") for name in built} == built and TARGETS <= built and len(built) > 50
    for name in built:
        assert (out / f"fuzz_{name}.dict").read_bytes() == (sluice.TOP / f"tests/fuzz/{name}.dict").read_bytes()
        with zipfile.ZipFile(out / f"fuzz_{name}_seed_corpus.zip") as seeds:
            folder = sluice.TOP / "tests/fuzz/seeds" / name
            assert {seeds.read(seed) for seed in seeds.namelist()} == {path.read_bytes() for path in folder.rglob("*") if path.is_file()}, name
            seeds.extractall(out / "seeds" / name)
        target = out / f"fuzz_{name}"
        libraries = dict(re.findall(r"(\S+) => (/\S+)", subprocess.run(["ldd", target], capture_output=True, text=True, check=True).stdout))
        elsewhere = {library for library, path in libraries.items() if not path.startswith(str(out))}
        assert all(re.match(r"(libc|libm|libpthread|libdl|librt|libresolv|libgcc_s)\.so", library) for library in elsewhere), (name, elsewhere)
        done = subprocess.run([target, "-runs=0", f"-dict=fuzz_{name}.dict", f"seeds/{name}"], cwd=out, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=300, check=False)
        assert done.returncode == 0 and "INFO: seed corpus: files:" in done.stderr, done.stderr[-3000:]


def test_the_description_says_what_is_built():
    project = yaml.safe_load((HERE / "project.yaml").read_text())
    assert project["language"] == "c" and project["fuzzing_engines"] == ["libfuzzer"] and set(project["sanitizers"]) == {"address", "undefined"}
    recipe = (HERE / "Dockerfile").read_text()
    assert f"base-builder:{project['base_os_version']}\n" in recipe and project["main_repo"] in recipe
    there = set(re.findall(r"[a-z0-9.+-]+-dev\b", recipe))
    packages = (sluice.TOP / "contrib/packages").read_text()
    wanted = set(re.findall(r"[a-z0-9.+-]+-dev\b", re.search(r"^build=\((.*?)\)", packages, re.M | re.S)[1]))
    assert wanted - there <= {"libc6-dev", "libsystemd-dev", "liblua5.4-dev", "libvectorscan-dev"}, "what build.sh does without"
