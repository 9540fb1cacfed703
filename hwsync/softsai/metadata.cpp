#include "hwsync/softsai/metadata.h"

#include <algorithm>
#include <array>
#include <vector>

namespace vtepd::softsai {
namespace {

constexpr sai_object_type_t object_type(int value) { return static_cast<sai_object_type_t>(value); }

#include "hwsync/softsai/metadata_rows.inc"

struct Name {
  sai_object_type_t object;
  std::string_view name;
};

constexpr std::array kNames{
    Name{SAI_OBJECT_TYPE_PORT, "PORT"},
    Name{SAI_OBJECT_TYPE_LAG, "LAG"},
    Name{SAI_OBJECT_TYPE_LAG_MEMBER, "LAG_MEMBER"},
    Name{SAI_OBJECT_TYPE_VLAN, "VLAN"},
    Name{SAI_OBJECT_TYPE_VLAN_MEMBER, "VLAN_MEMBER"},
    Name{SAI_OBJECT_TYPE_BRIDGE_PORT, "BRIDGE_PORT"},
    Name{SAI_OBJECT_TYPE_FDB_ENTRY, "FDB_ENTRY"},
    Name{SAI_OBJECT_TYPE_TUNNEL, "TUNNEL"},
    Name{SAI_OBJECT_TYPE_TUNNEL_MAP, "TUNNEL_MAP"},
    Name{SAI_OBJECT_TYPE_TUNNEL_MAP_ENTRY, "TUNNEL_MAP_ENTRY"},
    Name{SAI_OBJECT_TYPE_TUNNEL_TERM_TABLE_ENTRY, "TUNNEL_TERM_TABLE_ENTRY"},
    Name{SAI_OBJECT_TYPE_L2MC_ENTRY, "L2MC_ENTRY"},
    Name{SAI_OBJECT_TYPE_L2MC_GROUP, "L2MC_GROUP"},
    Name{SAI_OBJECT_TYPE_L2MC_GROUP_MEMBER, "L2MC_GROUP_MEMBER"},
    Name{SAI_OBJECT_TYPE_STP_PORT, "STP_PORT"},
    Name{SAI_OBJECT_TYPE_ISOLATION_GROUP, "ISOLATION_GROUP"},
    Name{SAI_OBJECT_TYPE_ISOLATION_GROUP_MEMBER, "ISOLATION_GROUP_MEMBER"},
    Name{SAI_OBJECT_TYPE_ROUTER_INTERFACE, "ROUTER_INTERFACE"},
    Name{SAI_OBJECT_TYPE_NEIGHBOR_ENTRY, "NEIGHBOR_ENTRY"},
    Name{SAI_OBJECT_TYPE_NEXT_HOP, "NEXT_HOP"},
    Name{SAI_OBJECT_TYPE_NEXT_HOP_GROUP, "NEXT_HOP_GROUP"},
    Name{SAI_OBJECT_TYPE_ROUTE_ENTRY, "ROUTE_ENTRY"},
};

}  // namespace

std::span<const AttributeRow> attributes_of(sai_object_type_t object) {
  // Asked for each attribute of each call: where an object's rows stand is looked up once.
  static const auto places = [] {
    std::vector<std::span<const AttributeRow>> found(SAI_OBJECT_TYPE_IPSEC_SA + 1);
    for (const auto& row : kAttributeRows) {
      auto& place = found.at(static_cast<std::size_t>(row.object));
      place = place.empty() ? std::span(&row, 1) : std::span(place.data(), place.size() + 1);
    }
    return found;
  }();
  const auto index = static_cast<std::size_t>(object);
  return index < places.size() ? places.at(index) : std::span<const AttributeRow>{};
}

const AttributeRow* find_attribute(sai_object_type_t object, sai_attr_id_t id) {
  const auto rows = attributes_of(object);
  // Ids run without gaps from 0 in every object of the table but where SAI left some out.
  if (id < rows.size() && rows[id].id == id) return &rows[id];
  const auto it =
      std::find_if(rows.begin(), rows.end(), [&](const AttributeRow& row) { return row.id == id; });
  return it == rows.end() ? nullptr : &*it;
}

std::string_view object_name(sai_object_type_t object) {
  const auto* it = std::find_if(kNames.begin(), kNames.end(),
                                [&](const Name& name) { return name.object == object; });
  return it == kNames.end() ? std::string_view{} : it->name;
}

}  // namespace vtepd::softsai
