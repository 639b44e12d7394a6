#define PCRE2_CODE_UNIT_WIDTH 8
#include "agent/config/pattern.hpp"

#include <dlfcn.h>
#include <pcre2.h>

#include <array>
#include <cstdint>
#include <memory>

namespace understudy::config {

namespace {

constexpr const char* library_name = "libpcre2-8.so.0";  // Debian's libpcre2-8-0

struct Unload {
    void operator()(void* library) const { dlclose(library); }
};
using Library = std::unique_ptr<void, Unload>;

template <class Function>
bool find(const Library& library, const char* name, Function*& function) {
    function = reinterpret_cast<Function*>(dlsym(library.get(), name));
    return function != nullptr;
}

}  // namespace

std::string pattern_trouble(const std::string& pattern) {
    const Library library{dlopen(library_name, RTLD_NOW | RTLD_LOCAL)};
    decltype(pcre2_compile_8)* compile = nullptr;
    decltype(pcre2_code_free_8)* free_code = nullptr;
    decltype(pcre2_get_error_message_8)* error_message = nullptr;
    if (!library || !find(library, "pcre2_compile_8", compile) ||
        !find(library, "pcre2_code_free_8", free_code) ||
        !find(library, "pcre2_get_error_message_8", error_message)) {
        return std::string{"cannot be checked: "} + dlerror();
    }
    int number = 0;
    PCRE2_SIZE place = 0;
    // As checks/probes/body_pattern.cpp compiles it: callouts count towards the largest size.
    constexpr std::uint32_t options = PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
    pcre2_code_8* code = compile(reinterpret_cast<const PCRE2_UCHAR8*>(pattern.data()),
                                 pattern.size(), options, &number, &place, nullptr);
    if (code != nullptr) {
        free_code(code);
        return {};
    }
    std::array<PCRE2_UCHAR8, 256> message{};
    error_message(number, message.data(), message.size());
    return std::string{reinterpret_cast<const char*>(message.data())} + " at character " +
           std::to_string(place + 1);
}

}  // namespace understudy::config
