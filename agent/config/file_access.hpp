// Finds users who may change what the agent believes or runs (the configuration, programs,
// credentials) or read its secrets.
//
// A file is as safe as its path: whoever may write a directory of it, or one that a symbolic link
// in it leads through, can put another file there. Root is trusted, and so is the user that this
// process runs as, and of a program the user that it runs as.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/config/diagnostic.hpp"
#include "agent/config/parse.hpp"

namespace understudy::config {

// Names somebody other than `trusted` who may change the file; empty: nobody, or there is no file.
std::string others_who_may_change(const std::string& path, const std::vector<uid_t>& trusted);

// Says so if everybody may read it; empty also where others_who_may_change() finds something.
std::string others_who_may_read(const std::string& path, const std::vector<uid_t>& trusted);

// Adds what is wrong to the diagnostics; an error removes the configuration.
// `of_configuration`: how bad it is if others may change the configuration files themselves.
void check_file_access(Result& result, Severity of_configuration = Severity::error);

}  // namespace understudy::config
