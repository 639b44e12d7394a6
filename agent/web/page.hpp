// The files of the page, as they are in agent/web/page; CMake makes them a part of the program.
#pragma once

#include <string_view>

namespace understudy::web {

extern const std::string_view page_html;
extern const std::string_view page_css;
extern const std::string_view page_js;

}  // namespace understudy::web
