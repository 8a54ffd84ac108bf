# SPDX-License-Identifier: MIT
exec sh "$(dirname "$0")/in-kernel.sh" i386
