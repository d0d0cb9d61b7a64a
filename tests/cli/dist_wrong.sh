#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Wrong questions about distributions: what each is told. A row is the words that the message must hold, a bar, and the command line.
. "$(dirname "$0")/helper"

while IFS='|' read -r words line; do
  # shellcheck disable=SC2086  # the line is words
  refused "dist $line" 2 "$words" dist $line
done <<'END'
concentration=x: expected a number|gamma concentration=x rate=2 log_prob 0.3
concentration=: expected a number|gamma concentration= rate=2 log_prob 0.3
concentration=[1,2: expected a number|dirichlet concentration=[1,2 log_prob 0.3,0.7
concentration=1,,2: expected a number|dirichlet concentration=1,,2 log_prob 0.3,0.7
=3 has no name|gamma =3 rate=2 log_prob 1
concentration=1 stands behind log_prob|gamma log_prob concentration=1 rate=1 2
log_prob: behind it stand the values|gamma concentration=1 rate=1 log_prob
pathwise: behind it stand the values|gamma concentration=1 rate=1 pathwise
icdf: behind it stand the probabilities|gamma concentration=1 rate=1 icdf
kl: behind it stand another family|gamma concentration=1 rate=1 kl
concentration is missing|gamma concentration=1 rate=1 kl gamma
kl: expected NAME=VALUE of normal, found "3"|normal loc=0 scale=1 kl normal loc=1 scale=1 3
scale=x: expected a number|normal loc=0 scale=1 kl normal loc=1 scale=x
did you mean `normal`|normal loc=0 scale=1 kl nrmal loc=1 scale=1
log_prob "abc": expected a number|normal loc=0 scale=1 log_prob abc
sample "x": expected a number|normal loc=0 scale=1 sample x
n must be an integer from 1|normal loc=0 scale=1 sample 0
mean takes no value, found "3"|normal loc=0 scale=1 mean 3
unknown op `logprob`, did you mean `log_prob`|normal loc=0 scale=1 logprob 1
unknown op `men`, did you mean `mean`|normal loc=0 scale=1 men
no question is asked|normal loc=0 scale=1
the nearest is concentration|gamma concentraton=1 rate=2 mean
rate is missing|gamma concentration=1 mean
concentration must be > 0, got -1|gamma concentration=-1 rate=2 mean
given already, as concentration|gamma concentration=1 log_concentration=2 rate=1 mean
u must be between 0 and 1, got 1.5|gamma concentration=1 rate=1 icdf 1.5
infinite or does not exist|cauchy loc=0 scale=1 mean
x must be a number, not a list|normal loc=0 scale=1 log_prob 1,2
x must be a list of 2 numbers, got 3|dirichlet concentration=1,2 log_prob 0.3,0.3,0.4
rows of a list of lists differ|multivariate_normal loc=0,0 scale_tril=[[1,0],[0.5]] log_prob 1,2
integer >= 1, got 2.5|binomial count=2.5 probs=0.5 log_prob 1
between 0 and 1, got 1.5|binomial count=3 probs=1.5 log_prob 1
no pathwise derivative|bernoulli probs=0.3 pathwise 1
finite number, got nan|normal loc=nan scale=1 log_prob 1
{low, high}, or {low, log_width}|uniform low=0 log_width=1 high=2 log_prob 1
make no distribution|uniform low=2 high=1 log_prob 1
the nearest is --seed|normal loc=0 scale=1 mean --sed 3
expected FAMILY|gamma
END

# prints NUMBERS: what C reads as numbers is read
run dist multivariate_normal loc=+.5,0 'scale_tril=[[1,0],[.5,2]]' log_prob 1,inf
verdict 'numbers as C reads them' [ "$status:$(cat out)" = '0:"-inf"' ]

# told WORDS LINE: a line of dist batch is answered by an error of code syntax with these words
told() {
  status=0
  printf '%s\n' "$2" | timeout 60 "$ELBO" dist batch >out 2>err || status=$?
  verdict "batch: $2" [ "$status" = 1 ] && verdict "  is told: $1" grep -qF "$1" out && verdict '  as syntax' grep -qF '"code":"syntax"' out
}
Q='"params":{"loc":0,"scale":1}'
told 'unknown field `famly`, did you mean `family`' "{\"famly\":\"normal\",$Q,\"op\":\"mean\"}"
told 'unknown field `param`, did you mean `params`' '{"family":"normal","param":{"loc":0,"scale":1},"op":"mean"}'
told 'unknown field `sed`, did you mean `seed`' "{\"family\":\"normal\",$Q,\"op\":\"sample\",\"sed\":1}"
told 'unknown field `colour`; there are id, family' "{\"family\":\"normal\",$Q,\"op\":\"mean\",\"colour\":1}"
told 'unknown field `famly`, did you mean `family`' "{\"family\":\"normal\",$Q,\"op\":\"kl\",\"other\":{\"famly\":\"normal\",$Q}}"
told 'log_prob: `x` is missing' "{\"family\":\"normal\",$Q,\"op\":\"log_prob\"}"
told 'icdf: `u` is missing' "{\"family\":\"normal\",$Q,\"op\":\"icdf\",\"x\":0.5}"
told 'kl: `other` is missing' "{\"family\":\"normal\",$Q,\"op\":\"kl\"}"
told '`op` is missing' "{\"family\":\"normal\",$Q}"
told '`family` is missing' "{$Q,\"op\":\"mean\"}"
told 'the { of a query, as {' 'hello'
printf '%s\n' "{\"family\":\"normal\",$Q,\"op\":\"mean\",\"expect\":{\"value\":0},\"tol\":0,\"_why\":\"a row of a table\"}" >in
verdict 'a row of a table is a query' sh -c '"$0" dist batch <in >out' "$ELBO"
finish
