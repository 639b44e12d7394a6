// The real environment and file system, for source.hpp.
#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "agent/config/source.hpp"

namespace understudy::config {

namespace {

std::optional<std::string> variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

std::optional<std::string> content(const std::string& path, std::string& error) {
    std::error_code code;
    if (std::filesystem::is_directory(path, code)) {
        error = "is a directory";
        return std::nullopt;
    }
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        error = errno == 0 ? "cannot be read" : std::generic_category().message(errno);
        return std::nullopt;
    }
    std::string text(largest_file + 1, '\0');  // one more shows that there is too much
    errno = 0;
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad()) {
        error = errno == 0 ? "cannot be read" : std::generic_category().message(errno);
        return std::nullopt;
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

// A directory that is not there has no files; one that may not be read might have.
int stop_where_forbidden(const char*, int reason) {
    return reason == ENOENT || reason == ENOTDIR ? 0 : 1;
}

std::vector<std::string> files_of(const std::string& pattern, std::string& error) {
    glob_t found{};
    std::vector<std::string> files;
    errno = 0;
    const int result = glob(pattern.c_str(), 0, stop_where_forbidden, &found);
    if (result == 0) {
        files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    } else if (result != GLOB_NOMATCH) {
        error = std::string{"the directory cannot be read"} +
                (errno == 0 ? "" : ": " + std::generic_category().message(errno));
    }
    globfree(&found);
    return files;
}

}  // namespace

Surroundings real_surroundings() {
    return {variable, content, files_of};
}

}  // namespace understudy::config
