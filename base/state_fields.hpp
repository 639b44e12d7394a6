// Who writes down the state of pure objects, and reads it back (agent/record/state_fields.hpp),
// needs to see their fields. Classes with a state declare it as their friend; they know nothing
// more of it.
#pragma once

namespace understudy {

struct StateFields;

}  // namespace understudy
