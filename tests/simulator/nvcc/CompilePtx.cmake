# cmake -DNVCC= -DARCH= -DOPTIONS= -DSOURCE= -DPTX= -P CompilePtx.cmake: one subject to PTX. An older toolkit than the
# one that the subjects are written for may lack something: then the file says so, and its tests are skipped with that.
set(known 13.0)

execute_process(
  COMMAND ${NVCC} -ptx -arch=${ARCH} ${OPTIONS} ${SOURCE} -o ${PTX}
  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(status EQUAL 0)
  return()
endif()
execute_process(COMMAND ${NVCC} --version OUTPUT_VARIABLE version)
string(REGEX MATCH "release ([0-9]+\\.[0-9]+)" version "${version}")
if(CMAKE_MATCH_1 VERSION_LESS known)
  file(WRITE ${PTX} "skipped: nvcc ${CMAKE_MATCH_1} does not compile ${SOURCE} for ${ARCH}")
else()
  message(FATAL_ERROR "${text}")
endif()
