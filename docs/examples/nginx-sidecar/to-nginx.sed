# Turns tenants.map into tenants.nginx.  What is not PATH POD, with a path of one to four segments
# and no slash at its end, becomes a line that nginx refuses.
s|^((/[A-Za-z0-9._~!&()*+,;=:@%-]+){1,4})[ \t]+([A-Za-z0-9_][A-Za-z0-9_.-]*)[ \t]*$|"\1" "\1 \3";|
t
/^#|^[ \t]*$/ !s|.*|this line is faulty;|
