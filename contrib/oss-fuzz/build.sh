#!/bin/bash -eu
# SPDX-License-Identifier: BSD-2-Clause
# build.sh - the fuzz targets with their seeds and dictionaries in $OUT, as OSS-Fuzz wants them. From it come $CC, $CFLAGS with sanitizer and
# instrumentation, $LIB_FUZZING_ENGINE, and $SRC, in which is the source as the folder `sluice`, and $WORK.
build=$WORK/sluice
rm -rf "$build"

# The machine that runs the targets has no library that we need but the C library's: they go with us, and are looked for beside the target. By
# RPATH, not RUNPATH, as libraries of libraries are to be found there, too.
LDFLAGS="${LDFLAGS-} -Wl,--disable-new-dtags,-rpath,\$ORIGIN/lib" meson setup "$build" "$SRC/sluice" -Dfuzz=true -Dfuzz_engine="$LIB_FUZZING_ENGINE" \
	-Db_lundef=false -Dlua=disabled -Dvectorscan=disabled -Dsystemd=disabled
meson compile -C "$build" ${SLUICE_FUZZ_JOBS:+-j "$SLUICE_FUZZ_JOBS"} fuzzers

mkdir -p "$OUT/lib"
for target in "$build"/tests/fuzz/fuzz_*; do
	[[ -f $target && -x $target ]] || continue
	name=${target##*/fuzz_}
	cp "$target" "$OUT/"
	cp "$SRC/sluice/tests/fuzz/$name.dict" "$OUT/fuzz_$name.dict"
	(cd "$SRC/sluice/tests/fuzz/seeds/$name" && find . -type f -print | LC_ALL=C sort | zip -qX@ - >"$OUT/fuzz_${name}_seed_corpus.zip")
	ldd "$target" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | grep -vE '/(libc|libm|libpthread|libdl|librt|libresolv|libgcc_s|ld-linux[^/]*)\.so' |
		xargs -r cp -Lu -t "$OUT/lib"
done
