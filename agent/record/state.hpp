// The state of a Node as JSON, and back: arrays by position, as state_fields.hpp lists them.
#pragma once

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "agent/core/node.hpp"

namespace understudy::record {

// The form of the state: raised with every change of what state_fields.hpp lists, or of what a
// field means. What was written in another form is not read.
inline constexpr int state_form = 9;

// Texts for people are shortened where they may hold what a script wrote or a server answered.
// Takes a copy, which it may change.
nlohmann::json state_of(core::Node node);

// `configuration` is what the Node had. Any document may be given: an error says where in it
// something is that cannot be.
std::expected<core::Node, std::string> node_of(core::Configuration configuration,
                                               const nlohmann::json& state);

// What the Node knows of the interfaces, as it was told.
std::vector<core::LinkSeen> links_of(const core::Node& node);

}  // namespace understudy::record
