#!/usr/bin/env bash
# Opens a report in headless Chromium, light and dark, on a desk and on a phone: nothing may scroll sideways, leave its
# drawing, overlap or be too small to read. Screens are kept in build/check/shots.
#   report_shots.sh [REPORT.html]     without a file: the report of the run in tests/data/lab
set -euo pipefail
cd "$(dirname "$0")/../.."
shots=$PWD/build/check/shots
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$shots"

report=${1:-}
if [ -z "$report" ]; then
  cp -r tests/data/lab/run "$work/run"
  "${CEILING_BINARY:-build/release/ceiling}" lab report "$work/run" >/dev/null
  report=$work/run/report.html
fi
cp "$report" "$work/report.html"
cp tests/browser/probe.html "$work/probe.html"

browser() {
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --allow-file-access-from-files \
    --user-data-dir="$work/profile" "$@" 2>"$work/browser.log"
}

failed=0
for theme in light dark; do
  preferred=$([ $theme = light ] && echo 1 || echo 0)
  for width in 1200 360; do
    browser --blink-settings=preferredColorScheme="$preferred" --window-size="$width,5200" \
      --screenshot="$shots/$theme-$width.png" "file://$work/report.html" || { cat "$work/browser.log"; exit 1; }
    found=$(browser --blink-settings=preferredColorScheme="$preferred" --window-size=1400,1200 --virtual-time-budget=5000 \
      --dump-dom "file://$work/probe.html?report=report.html&width=$width" | grep -o 'probe: [^<]*' | head -n 1)
    echo "$theme, $width pixels: ${found:-no answer from the browser}"
    case $theme,$found in
      light,'probe: sound, paper rgb(255, 255, 255)') ;;
      dark,'probe: sound, paper rgb(19, 21, 23)') ;;
      *) failed=1 ;;
    esac
  done
done
exit $failed
