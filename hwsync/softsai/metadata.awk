# Makes metadata_rows.inc, the attribute table of libsoftsai's validator, from two carried texts:
#   awk -f hwsync/softsai/metadata.awk tests/data/sai/abi-v1.13.txt \
#       tests/data/sai/attributes-v1.13.txt > hwsync/softsai/metadata_rows.inc
# Run by hand when the SAI version that libsoftsai reports changes.

BEGIN {
  FS = "|"
  wanted = " SWITCH PORT BRIDGE BRIDGE_PORT VLAN VLAN_MEMBER FDB_ENTRY FDB_FLUSH TUNNEL TUNNEL_MAP" \
           " TUNNEL_MAP_ENTRY TUNNEL_TERM_TABLE_ENTRY L2MC_GROUP L2MC_GROUP_MEMBER VIRTUAL_ROUTER" \
           " L2MC_ENTRY LAG LAG_MEMBER" \
           " ROUTER_INTERFACE HOSTIF HOSTIF_TRAP HOSTIF_TRAP_GROUP STP STP_PORT ISOLATION_GROUP" \
           " ISOLATION_GROUP_MEMBER NEXT_HOP NEXT_HOP_GROUP" \
           " NEXT_HOP_GROUP_MEMBER NEIGHBOR_ENTRY ROUTE_ENTRY "
  print "// Made by metadata.awk from the carried tables of SAI 1.13; not to be edited by hand."
  print "// clang-format off"
  print "// NOLINTBEGIN(readability-identifier-naming)"
}

# Enumerators: name -> value, and in file order for the enumerations' lists.
FNR == NR {
  split($0, word, " ")
  if (word[1] == "enum" && word[3] != "absent" && word[2] !~ /CUSTOM_RANGE|_END$/) {
    value[word[2]] = word[3]
    names[++name_count] = word[2]
  }
  next
}

/^## / { object = substr($1, 4); use = index(wanted, " " substr(object, 17) " ") > 0; next }

# Conditions name attributes that may stand further down: keep the rows, write them at the end.
use && NF >= 6 {
  ++rows
  row_object[rows] = object; id[rows] = $1; name[rows] = $2
  # Kinds of objects that the library has none of.
  kind[rows] = $3 ~ /^(ACL_|PORT_|FABRIC_|LATCH_|PRBS_|SYSTEM_)/ ? "OPAQUE" : $3
  flags[rows] = $4; reference[rows] = $5; fallback[rows] = $6; condition[rows] = $7
  attribute[$2] = $1
}

function list_of_enum(type,    prefix, i, text) {
  if (type in listed) return listed[type]
  prefix = toupper(type); sub(/_T$/, "_", prefix)
  for (i = 1; i <= name_count; ++i) {
    if (index(names[i], prefix) == 1) text = text value[names[i]] ", "
  }
  listed[type] = text == "" ? "{}" : "kValues_" type
  if (text != "") print "constexpr std::int32_t kValues_" type "[] = {" text "};"
  return listed[type]
}

function list_of_objects(text,    part, count, i, out) {
  if (text in types) return types[text]
  types[text] = "kTypes_" ++type_count
  count = split(substr(text, 5), part, ",")
  for (i = 1; i <= count; ++i) out = out "object_type(" value["SAI_OBJECT_TYPE_" part[i]] "), "
  print "constexpr sai_object_type_t " types[text] "[] = {" out "};"
  return types[text]
}

function list_of_terms(text,    part, count, i, pair, out) {
  count = split(text, part, " ")
  for (i = 1; i <= count; ++i) {
    if (split(part[i], pair, "==") == 2) out = out "{" attribute[pair[1]] ", " pair[2] "}, "
  }
  if (out == "") return "{}"
  if (out in terms) return terms[out]
  terms[out] = "kTerms_" ++term_count
  print "constexpr Term " terms[out] "[] = {" out "};"
  return terms[out]
}

function flag_text(text, last,    out) {
  out = "0"
  if (text ~ /MANDATORY/) out = out " | kMandatory"
  if (text ~ /CREATE_ONLY/) out = out " | kCreateOnly"
  if (text ~ /CREATE_AND_SET/) out = out " | kCreateAndSet"
  if (text ~ /READ_ONLY/) out = out " | kReadOnly"
  if (text ~ /KEY/) out = out " | kKey"
  if (last ~ /allownull/) out = out " | kAllowNull"
  if (last ~ /^condition:/) out = out " | kConditional"
  if (last ~ /^validonly:/) out = out " | kValidOnly"
  return out
}

function default_text(text) {
  sub(/^default=/, "", text)
  if (text == "") return "{}"
  if (text == "true") return "{Default::Kind::Number, 1}"
  if (text == "false" || text == "const" || text == "NULL" || text == "empty") return "{Default::Kind::Number, 0}"
  if (text ~ /^[0-9]+$/) return "{Default::Kind::Number, " text "}"
  if (text in value) return "{Default::Kind::Number, " value[text] "}"
  return "{Default::Kind::Internal, 0}"
}

END {
  for (i = 1; i <= rows; ++i) {
    enums[i] = "{}"; objects[i] = "{}"
    if (reference[i] ~ /^enum /) {
      type = substr(reference[i], 6); sub(/ +$/, "", type)
      enums[i] = list_of_enum(type)
    }
    if (reference[i] ~ /^oid:/) objects[i] = list_of_objects(reference[i])
    conditions[i] = list_of_terms(condition[i])
  }
  print "constexpr AttributeRow kAttributeRows[] = {"
  for (i = 1; i <= rows; ++i) {
    printf "  {%s, %d, \"%s\", Kind::%s, %s, %s, %s, %s, %s},\n", row_object[i], id[i], name[i], kind[i],
           flag_text(flags[i], condition[i]), objects[i], enums[i], default_text(fallback[i]), conditions[i]
  }
  print "};"
  print "// NOLINTEND(readability-identifier-naming)"
}
