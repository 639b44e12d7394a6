// What keywords without a conversion mean for somebody who comes from keepalived.
#pragma once

#include <string>
#include <string_view>

#include "agent/import/notes.hpp"
#include "agent/import/reader.hpp"

namespace understudy::importer {

// Where a keyword stands.
enum class Context : std::uint8_t { top, global, instance, group, script, process, file };

// Says what to do instead of `statement`; a keyword that nobody knows is said to be unknown.
void advise(Context context, const Statement& statement, Notes& notes);

}  // namespace understudy::importer
