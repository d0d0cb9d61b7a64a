#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every --json is one JSON object on standard output with the promised keys.
. "$(dirname "$0")/helper"

# object NAME KEYS ARGUMENT...
object() {
  name=$1 keys=$2
  shift 2
  run "$@" --json
  # shellcheck disable=SC2086 # keys are words
  if [ "$status" != 0 ]; then fail "$name: status $status: $(cat err)"
  elif ! is_json out; then fail "$name: no JSON"
  elif ! has_keys out $keys; then fail "$name: keys"
  else ok "$name"; fi
}
object check 'parameters memory_bytes plan errors' check tiny.yaml
object train 'run steps epochs elbo seconds rows_per_second' train tiny.yaml
# holds EXPRESSION: of r, the object that was read
holds() { python3 -c "import json; r = json.load(open('out')); assert $1, r"; }
verdict 'train: steps and epochs' holds 'r["steps"] == 8 and r["epochs"] == 2'
object 'train, resumed when finished' 'already_finished' train tiny.yaml --resume
object evaluate 'rows split elbo reconstruction kl kl_per_latent active_units log_likelihood ess
  khat bits_per_dim likelihood' evaluate runs/tiny --samples 3
cat >sums.py <<'END'
import json
r = json.load(open('out'))
assert abs(r['elbo']['mean'] - (r['reconstruction'] - r['kl'])) < 1e-3, r
assert abs(sum(r['kl_per_latent']) - r['kl']) < 1e-3 and len(r['kl_per_latent']) == 3, r
assert r['rows'] == 60 and r['split'] == 'test' and r['log_likelihood']['samples'] == 3, r
END
verdict 'evaluate: the parts make the whole' python3 sums.py
object 'evaluate without samples' 'log_likelihood' evaluate runs/tiny --samples 0
verdict 'evaluate without samples: null' holds 'r["log_likelihood"]["mean"] is None'
object sample path sample runs/tiny -n 4
verdict 'sample: a picture' [ -s runs/tiny/samples.png ]
object 'sample as array' path sample runs/tiny -n 4 --draw -o s.npy
verdict 'sample as array: npy' [ -s s.npy ]
object reconstruct path reconstruct runs/tiny -n 3
object traverse path traverse runs/tiny --side 4 --latents 0,2
verdict 'traverse: a picture' [ -s runs/tiny/traverse.png ]
object graph graph graph tiny.yaml
object 'graph for Graphviz' dot graph tiny.yaml --dot
object 'bench step' 'ms_median ms_min ms_mean gflops allocations_per_step peak_rss_bytes ops' \
  bench step tiny.yaml --steps 5
object 'bench load' variables bench load tiny.yaml
object 'bench family' families bench family normal
verdict 'bench family: nanoseconds' holds 'r["families"][0]["f32"]["draw"] > 0'
object 'bench scale' axes bench scale tiny.yaml --steps 2 --rounds 1 -o plots
verdict 'bench scale: six sizes' \
  holds '[a["axis"] for a in r["axes"]] == ["N", "B", "K", "Z", "width", "threads"]'
verdict 'bench scale: pictures' [ -s plots/scale.svg -a -s plots/scale_B.svg ]
object 'bench compare' 'rounds steps' bench compare tiny.yaml tiny.yaml --threads 1,2 --steps 2
verdict 'bench compare: each on each number of threads, the first the measure' \
  holds '[s["threads"] for s in r["steps"]] == [1, 2, 1, 2] and r["steps"][0]["ratio"]["most"] == 1'
object 'data info' 'kind rows numbers shape low high support families' data info builtin:digits
object 'plugin list' 'plugins refused' plugin list
cp out plugins
names='import json; print(*[p["name"] for p in json.load(open("plugins"))["plugins"]])'
for name in $(python3 -c "$names"); do
  object "plugin info $name" 'name kind summary path abi' plugin info "$name"
done
object 'plugin info of a family' 'parameters support roads kls kernels' plugin info normal
object doctor facts doctor

run check tiny.yaml --json --set model.p.x.family=nonesuch
verdict 'check with errors: status 2' [ "$status" = 2 ]
verdict 'check with errors: an object that has them' \
  holds 'r["errors"] and r["parameters"] is None and r["plan"] == []'
run check missing.yaml --json
verdict 'check of a missing file' is_json out
finish
