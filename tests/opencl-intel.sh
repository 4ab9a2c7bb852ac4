#!/bin/sh
# The ops on a second and independent OpenCL: Intel's runtime for CPUs, which
# runs on AMD's, too. A download of 700 MB, so by hand and not in make check:
#   sh tests/opencl-intel.sh [FOLDER]     FOLDER keeps it for the next time
set -u
cd "$(dirname "$0")/.." || exit 1
folder=${1-$PWD/build-intel}
library=$folder/lib/libintelocl.so
if [ ! -e "$library" ]; then
    python3 -m venv "$folder" &&
        "$folder/bin/pip" install -q intel-opencl-rt intel-cmplr-lib-rt ||
        exit 1
fi
mkdir -p "$folder/icd" && echo "$library" >"$folder/icd/intel.icd" || exit 1
make -s tests/ops/test-ops || exit 1
OCL_ICD_VENDORS=$folder/icd
LD_LIBRARY_PATH=$folder/lib
export OCL_ICD_VENDORS LD_LIBRARY_PATH
exec tests/ops/test-ops --device opencl
