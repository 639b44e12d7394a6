// What the unit files of this machine say. The service manager is not asked.
#pragma once

#include <string>

namespace understudy::config {

// Whether there is a file of that unit, or of its template.
bool has_unit_file(const std::string& name);

struct UnitRights {
    std::string user = "root";
    bool changes_user = true;  // it may start programs as other users
};

// Of a service, with its drop-ins. Without a unit file: of what is started by hand, as root.
UnitRights rights_of_unit(const std::string& name);

}  // namespace understudy::config
