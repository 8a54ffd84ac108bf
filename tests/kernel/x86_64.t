# SPDX-License-Identifier: MIT
exec sh "$(dirname "$0")/in-kernel.sh" x86_64
