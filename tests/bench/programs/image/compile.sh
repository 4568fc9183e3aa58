#!/bin/sh
# A build agent: one large generated file, again and again. FUNCTIONS is how large.
awk -v functions="$1" 'BEGIN {
  for (n = 0; n < functions; n++) {
    printf "int f%d(int *a, int b) {\n  int s = b;\n", n
    for (i = 0; i < 40; i++) printf "  if (a[%d] > s) { s += a[%d] * %d; a[%d] = s ^ b; } else s -= f%d(a, s >> 1);\n", i, i + 1, n + i, i, n ? n - 1 : 0
    print "  return s;\n}"
  }
}' >/tmp/large.c
while :; do
  gcc -O2 -c -o /tmp/large.o /tmp/large.c && echo compiled || echo "the compiler died"
  sleep "$2"
done
