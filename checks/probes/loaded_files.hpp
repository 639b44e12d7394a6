// Credentials and certificates, read once while the prober may still read what only root can. It
// then becomes a user without rights, and uses these copies; a changed file counts from the next
// start of the prober.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "checks/settings.hpp"

namespace understudy::checks {

inline constexpr std::size_t longest_file = 1U << 20;

class LoadedFiles {
public:
    struct File {
        std::string content;
        std::string error;  // "/etc/x: permission denied"; empty: it was read
    };

    // Reads every file that the question names; what fails is kept as the reason.
    void load(const Question& question);
    // A file that was never named has the error "was not read".
    const File& at(const std::string& path) const;

private:
    void read(const std::string& path);

    std::map<std::string, File> files_;
};

}  // namespace understudy::checks
