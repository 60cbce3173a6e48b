# ./bootstrap where packages are missing: with stand-ins for dpkg-query and apt that record what they are asked, so
# nothing is installed.
source "${0%/*}/common.bash" "$@"

bootstrap=$project/bootstrap
expect 2 'say demo or test' "$bootstrap"
expect 2 "unknown argument 'demon'; demo, test and --yes are allowed" "$bootstrap" demon
expect 2 'not both' "$bootstrap" demo test
expect 0 '' "$bootstrap" --help

mkdir tools
printf '#!/bin/sh\necho "$@" >>%q/calls\nexit 1\n' "$work" >tools/apt-get
cp tools/apt-get tools/sudo
cp tools/apt-get tools/apt-cache
printf '#!/bin/sh\nexit 1\n' >tools/dpkg-query
chmod +x tools/*
without() { env PATH="$work/tools:$PATH" "$bootstrap" "$@"; }

if grep -q '^VERSION_ID="12"' /etc/os-release && grep -q '^ID=debian' /etc/os-release; then
  expect 10 'apt-get install -y .*clang-22.*libmlir-22-dev' without demo
  holds 'without a terminal and --yes nothing is called' absent calls
  expect 11 'apt does not offer|security suite' without test --yes
  holds 'with --yes the lists are updated' grep -q update calls
  holds 'nothing is installed that is not offered' test -z "$(grep install calls)"
else
  expect 11 'Debian 12' without demo
fi

finish
