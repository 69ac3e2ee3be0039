# Writes the copy of a .proto file that protoc-c can compile and that keeps our bytes whole: cmake -DIN= -DOUT= -P to-c.cmake
#  - protoc-c 1.4 refuses proto3 `optional`: a oneof of one field has the same bytes
#  - C strings are cut at NUL and not checked for it: keys, values and addresses become bytes (same wire)
#  - an entry's command is opaque to the transport: bytes (same wire)
#  - a service's generated `init` function would collide with the rpc Init: services are left out
file(READ "${IN}" text)
string(REGEX REPLACE "service [A-Za-z]+ {(\n  [^\n]*)*\n}" "" text "${text}")
string(REGEX REPLACE "optional string ([a-z_]+) = ([0-9]+);" "oneof \\1_presence { bytes \\1 = \\2; }" text "${text}")
string(REGEX REPLACE "  string ([a-z_]+) = " "  bytes \\1 = " text "${text}")
string(REPLACE "map<string, string> data = 2;" "repeated DataEntry data = 2;" text "${text}")
string(REPLACE "message StateMachineData {" "message DataEntry {\n  bytes key = 1;\n  bytes value = 2;\n}\nmessage StateMachineData {" text "${text}")
string(REPLACE "  SetRequest app_data = 12;" "  oneof command_presence { bytes app_data = 12; }" text "${text}")
file(WRITE "${OUT}" "${text}")
