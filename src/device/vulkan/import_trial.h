// Whether a device really reads imported host pages: what a driver says of it does not tell which
// pages it takes, and some find out only when they use them.
#pragma once

#include <string>

#include "device/vulkan/context.h"

namespace ceiling::vulkan {

// Each imports one granule, has the device copy it and compares. Empty: it can; else why not. What
// is wrong with the device itself afterwards, the context knows (lost(), hung()).
std::string try_own_pages(const Context& context);   // anonymous memory of this process
std::string try_file_pages(const Context& context);  // of a file that is mapped read-only

}  // namespace ceiling::vulkan
