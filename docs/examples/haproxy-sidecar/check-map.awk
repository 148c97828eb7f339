# Prints each line of tenants.map that is not PATH POD, with a path of one to four segments and no
# slash at its end, and each that has a path once more.  HAProxy would say nothing.
/^#/ || NF == 0 { next }
NF != 2 || $1 !~ /^(\/[A-Za-z0-9._~!&()*+,;=:@%-]+)+$/ || split($1, names, "/") > 5 \
    || $2 !~ /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/ || seen[$1]++ {
    print FILENAME ":" FNR ": " $0
    faults++
}
END { exit faults > 0 }
