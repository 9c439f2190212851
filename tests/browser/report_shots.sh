#!/usr/bin/env bash
# Opens pages in headless Chromium, light and dark, on a desk and on phones: nothing may scroll sideways, leave its
# drawing, overlap, be crossed by a line or be too small to read. Screens are kept in build/check/shots.
#   report_shots.sh [PAGE.html]     without a file: the report of the run in tests/data/lab, a comparison of machines, and
#                                   one of types
set -euo pipefail
cd "$(dirname "$0")/../.."
ceiling=${CEILING_BINARY:-build/release/ceiling}
shots=$PWD/build/check/shots
models=${CEILING_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/ceiling/models}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$shots"
cp tests/browser/probe.html "$work/probe.html"

browser() {
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --allow-file-access-from-files \
    --user-data-dir="$work/profile" "$@" 2>"$work/browser.log"
}

failed=0
look_at() {  # look_at NAME DRAWINGS: at $work/NAME.html, which has so many at least
  for theme in light dark; do
    preferred=$([ $theme = light ] && echo 1 || echo 0)
    for width in 1200 390 360; do
      browser --blink-settings=preferredColorScheme="$preferred" --window-size="$width,5200" \
        --screenshot="$shots/$1-$theme-$width.png" "file://$work/$1.html" || { cat "$work/browser.log"; exit 1; }
      found=$(browser --blink-settings=preferredColorScheme="$preferred" --window-size=1400,1200 --virtual-time-budget=5000 \
        --dump-dom "file://$work/probe.html?report=$1.html&width=$width&drawings=$2" | grep -o 'probe: [^<]*' | head -n 1)
      echo "$1, $theme, $width pixels: ${found:-no answer from the browser}"
      case $theme,$found in
        light,'probe: sound, paper rgb(255, 255, 255)') ;;
        dark,'probe: sound, paper rgb(19, 21, 23)') ;;
        *) failed=1 ;;
      esac
    done
  done
}

if [ -n "${1:-}" ]; then
  cp "$1" "$work/page.html"
  look_at page 1
else
  cp -r tests/data/lab/run "$work/run"
  "$ceiling" lab report "$work/run" >/dev/null
  cp "$work/run/report.html" "$work/report.html"
  look_at report 6
  "$ceiling" fit --compare "RTX 4090,Apple M4 Pro 20c,Apple M3 Ultra 80c" --report --out "$work/comparison.html" >/dev/null
  look_at comparison 6
  "$ceiling" tradeoff "$models/SmolLM2-135M-Instruct.Q4_1.gguf" --types F32,Q8_0,Q6_K,Q5_0,Q4_K_M,IQ4_NL,Q4_0,Q3_K_M,Q2_K \
    --text docs/method.md --blocks 2 -p 8 -n 4 --window 64 --windows 2 --out "$work/types" >/dev/null
  cp "$work/types/report.html" "$work/types.html"
  look_at types 4
fi
exit $failed
