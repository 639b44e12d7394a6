// How a prober comes to be: understudy-prober, executed by the runner.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "agent/host/file_descriptor.hpp"
#include "agent/host/privileges.hpp"
#include "checks/processes/raw_descriptors.hpp"

namespace understudy::host {

// All descriptors stay the caller's.
struct ProberStart {
    int program = -1;  // open_prober_program()
    int channel = -1;  // its end: orders come, and reports go
    int text = -1;     // of the configuration, with numbers
    std::uint32_t configuration = 0;
    std::optional<Account> user;     // nothing: it may not change users
    checks::RawDescriptors sockets;  // what it need not open
};

struct StartedProber {
    pid_t pid = -1;  // errno says why
    FileDescriptor
        retired;  // where it writes the number of the configuration that it is retired for
};

// The program that belongs to this one: in ../libexec/understudy where it is installed, or in the
// same folder of a build. The descriptor names the file, not its path: a runner goes on executing
// this version while a package is replaced. Throws std::runtime_error with the errno.
FileDescriptor open_prober_program();

// It ends with this process, and inherits nothing that is not in `start`, but the rights to change
// its user, to read what that other user may not, and to open raw sockets, as far as there are any.
StartedProber start_prober(const ProberStart& start);

}  // namespace understudy::host
